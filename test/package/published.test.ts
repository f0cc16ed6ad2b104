import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENTRIES } from "../../scripts/entries.ts";
import { Consumer, execute, tool } from "./consumer.ts";

let consumer: Consumer;

beforeAll(async () => {
  consumer = await Consumer.install();
}, 120_000);

afterAll(() => consumer?.remove());

describe("the tarball", () => {
  it("holds the built files and what npm shows, and nothing else", () => {
    const others = consumer.files.filter(file => !file.startsWith("dist/"));
    expect(others.sort()).toEqual(["LICENSE", "README.md", "package.json"]);
    const entries = ENTRIES.flatMap(name => [
      `dist/${name}.cjs`,
      `dist/${name}.d.cts`,
      `dist/${name}.d.ts`,
      `dist/${name}.js`,
    ]);
    expect(consumer.files).toEqual(expect.arrayContaining(entries));
  });

  it("depends on no other package, and says what it contains of one, and by which license", async () => {
    const manifest = JSON.parse(await consumer.read("package.json"));
    expect(Object.keys(manifest.dependencies ?? {})).toEqual([]);
    expect(Object.keys(manifest.devDependencies)).toContain("lru-cache");
    const notice = `lru-cache ${manifest.devDependencies["lru-cache"]} by Isaac Z. Schlueter`;
    for (const file of ["dist/index.js", "dist/index.cjs"]) {
      const [first] = (await consumer.read(file)).split("\n");
      expect(first).toContain(notice);
      expect(first).toContain("https://blueoakcouncil.org/license/1.0.0");
    }
    const license = await consumer.read("LICENSE");
    expect(license).toContain("lru-cache");
    expect(license).toContain("https://blueoakcouncil.org/license/1.0.0");
  });

  it("has declarations that import no package but OpenTelemetry's", async () => {
    const declarations = consumer.files.filter(file => /\.d\.c?ts$/.test(file));
    expect(declarations.length).toBeGreaterThan(10);
    const packages = await Promise.all(declarations.map(async file => packagesIn(await consumer.read(file))));
    expect([...new Set(packages.flat())]).toEqual(["@opentelemetry/api"]);
  });

  it("has source maps without the sources' text, and unpacks to 1.29 MB at most", async () => {
    const maps = consumer.files.filter(file => file.endsWith(".map"));
    expect(maps.length).toBeGreaterThan(2 * ENTRIES.length - 2);
    for (const file of maps) {
      const { sources, sourcesContent, names } = JSON.parse(await consumer.read(file));
      expect(sources.length, file).toBeGreaterThan(0);
      expect([sourcesContent, names], file).toEqual([undefined, []]);
    }
    const texts = await Promise.all(consumer.files.map(file => consumer.read(file)));
    expect(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)).toBeLessThanOrEqual(1_290_000);
  });

  it.each([
    ["index", "js", 'parseDuration("5")'],
    ["index", "cjs", 'parseDuration("5")'],
    ["redis", "js", "redisStore({})"],
    ["redis", "cjs", "redisStore({})"],
  ])("leads from a stack trace of %s.%s to the lines in the sources", async (entry, ending, call) => {
    const name = entry === "index" ? "with-idempotency" : `with-idempotency/${entry}`;
    const [exported] = call.split("(");
    const script = `trace.${ending === "js" ? "mjs" : "cjs"}`;
    const load =
      ending === "js"
        ? `import { ${exported} } from "${name}";`
        : `const { ${exported} } = require("${name}");`;
    await consumer.write(script, `${load}\ntry { ${call}; } catch (error) { console.log(error.stack); }\n`);
    const { output } = await execute(process.execPath, ["--enable-source-maps", script], consumer.folder);
    const frames = [...output.matchAll(/with-idempotency\/(src\/\S+\.ts):(\d+):\d+/g)];
    expect(frames.length, output).toBeGreaterThan(1);
    const lines = frames.map(([, file, line]) => readFileSync(file!, "utf8").split("\n")[Number(line) - 1]);
    // Each frame is a call, and the first one makes the error.
    expect(lines[0]).toMatch(/\bnew \w+Error\(|\b(super|invalidOption|refuse\w*)\(/);
    for (const line of lines) expect(line).toContain("(");
  });

  it("asks for no module of Node.js in its root entry, and in that of D1, chunks included", async () => {
    for (const entry of ["index.js", "index.cjs", "sqlite.js", "sqlite.cjs"]) {
      const reached = await reachedFrom(entry);
      expect(reached.packages, entry).toEqual([]);
    }
  });
});

/** What code loads, by TypeScript's own reader: texts and comments speak of imports, too. */
const loadedIn = (code: string) =>
  ts.preProcessFile(code, true, true).importedFiles.map(({ fileName }) => fileName);

const packagesIn = (declarations: string) => loadedIn(declarations).filter(name => !name.startsWith("./"));

/** The files of an entry, and the packages that they load. */
async function reachedFrom(entry: string): Promise<{ files: string[]; packages: string[] }> {
  const files = [entry];
  const packages = new Set<string>();
  for (const file of files) {
    for (const name of loadedIn(await consumer.read(`dist/${file}`))) {
      if (!name.startsWith("./")) packages.add(name);
      else if (!files.includes(name.slice(2))) files.push(name.slice(2));
    }
  }
  return { files, packages: [...packages] };
}

const CODE = `
  import { createIdempotency, withIdempotency, memoryStore, isIdempotencyError } from "with-idempotency";
  import type { Execution, IdempotencyStore, Outcome } from "with-idempotency";
  import { faultyStore, manualClock, storeConformance } from "with-idempotency/testing";

  export const store: IdempotencyStore = memoryStore({ maxEntries: 10, clock: manualClock().now });
  export const outcome: Promise<Outcome<number>> = createIdempotency({ store }).execute("key", "1h30m", () => 1);
  export const id: Promise<{ id: string }> = withIdempotency(["order", 42], "5 minutes", async (execution: Execution) => {
    return { id: execution.idempotencyKey };
  });
  export const made = [faultyStore, storeConformance];
  export const code = (error: unknown) => (isIdempotencyError(error, "KEY_REUSED") ? error.key : undefined);

  // @ts-expect-error A duration needs a unit.
  void withIdempotency("key", "5", () => 1);
`;

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
  target: "es2022",
  module: "nodenext",
  lib: ["es2023", "dom"],
  types: [],
};

describe("the command", () => {
  it("is one file that says which program runs it, and is installed by its name", async () => {
    expect(consumer.files.filter(file => file.startsWith("dist/cli"))).toEqual(["dist/cli.js"]);
    expect(await consumer.read("dist/cli.js")).toMatch(/^#!\/usr\/bin\/env node\n/);
    const { version } = JSON.parse(await consumer.read("package.json"));
    const command = join(consumer.folder, "node_modules/.bin/with-idempotency");
    expect(await execute(command, ["--version"])).toEqual({ code: 0, output: `${version}\n` });
    expect(await execute(command, ["list"])).toMatchObject({ code: 2 });
  });

  it("asks for nothing but Node.js' own modules and the package's root", async () => {
    const { packages } = await reachedFrom("cli.js");
    expect(packages.filter(name => !name.startsWith("node:") && !isBuiltin(name))).toEqual([]);
  });

  it("says which client to install where the project has none", async () => {
    const command = join(consumer.folder, "node_modules/.bin/with-idempotency");
    const { code, output } = await execute(
      command,
      ["list", "--redis", "redis://127.0.0.1:1"],
      consumer.folder,
    );
    expect(code).toBe(3);
    expect(output).toContain("npm install ioredis");
  });
});

describe("the declarations", () => {
  it.each(["mts", "cts"])(
    "compile for a strict consumer in a .%s file, libraries checked",
    async extension => {
      const name = `consumer.${extension}`;
      const config = `tsconfig.${extension}.json`;
      await consumer.write(name, CODE);
      await consumer.write(config, JSON.stringify({ compilerOptions: STRICT, files: [name] }));
      expect(await tool("tsc", ["-p", config], consumer.folder)).toEqual({ code: 0, output: "" });
    },
    60_000,
  );

  it("would fail for one that misuses them", async () => {
    await consumer.write("misuse.mts", 'import { parseDuration } from "with-idempotency"; parseDuration(5);');
    await consumer.write(
      "tsconfig.misuse.json",
      JSON.stringify({ compilerOptions: STRICT, files: ["misuse.mts"] }),
    );
    const { code, output } = await tool("tsc", ["-p", "tsconfig.misuse.json"], consumer.folder);
    expect(output).toContain("misuse.mts(1,");
    expect(code).not.toBe(0);
  }, 60_000);
});

describe("the checkers of packages", () => {
  it("publint finds nothing to say", async () => {
    const { code, output } = await tool("publint", ["--strict", consumer.tarball]);
    expect(output).toContain("All good!");
    expect(code).toBe(0);
  }, 60_000);

  it("attw finds the types of each entry right, for import and for require", async () => {
    const { code, output } = await tool("attw", [
      consumer.tarball,
      "--profile",
      "node16",
      "--format",
      "ascii",
    ]);
    const found = (what: RegExp) => Array.from(output.matchAll(what)).length;
    expect([found(/from CJS\): .*\(CJS\)/g), found(/from ESM\): .*\(ESM\)/g)], output).toEqual([
      ENTRIES.length,
      ENTRIES.length,
    ]);
    expect(code, output).toBe(0);
  }, 60_000);

  it("size-limit finds all within their limits", async () => {
    const { code, output } = await tool("size-limit", ["--json"]);
    // What follows are esbuild's warnings, of chunks that the entry loads and takes nothing from.
    const checks = JSON.parse(output.slice(0, output.indexOf("\n]") + 2)) as {
      name: string;
      size: number;
      sizeLimit?: number;
      passed?: boolean;
    }[];
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["root entry, lru-cache included", "root entry, own code"]),
    );
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(code).toBe(0);
  }, 60_000);
});
