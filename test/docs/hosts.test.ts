import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { node, ROOT } from "./child.ts";

const TIMEOUT_MS = 90_000;
const TESTS = 5;
const HOST = join(ROOT, "examples/testing");
const require = createRequire(import.meta.url);

const TSUP = require.resolve("tsup/dist/cli-default.js");
const JEST = require.resolve("jest/bin/jest");
const VITEST = join(dirname(require.resolve("vitest/package.json")), "vitest.mjs");

let folder: string;
// A host's own configuration. The library needs nothing in it; it keeps the one of this repository out.
const hostConfig = () => join(folder, "vitest.config.mjs");

// The hosts import "with-idempotency", which is the built package, as an installed one would be.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hosts-"));
  await writeFile(hostConfig(), `export default { cacheDir: ${JSON.stringify(folder)} };\n`);
  const built = ["index.js", "index.cjs", "testing.js", "testing.cjs"];
  if (built.every(file => existsSync(join(ROOT, "dist", file)))) return;
  const { code, stderr } = await node([TSUP, "--silent"]);
  expect(code, stderr).toBe(0);
}, TIMEOUT_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

const RUNNERS = [
  {
    name: "vitest",
    args: () => [VITEST, "run", "--root", HOST, "--config", hostConfig(), "vitest.test"],
    passed: new RegExp(`Tests +${TESTS} passed \\(${TESTS}\\)`),
    file: "vitest.test.ts",
  },
  {
    name: "jest",
    args: () => [JEST, "--rootDir", HOST, "--testMatch", "**/jest.test.cjs", "--transform", "{}"],
    passed: new RegExp(`Tests: +${TESTS} passed, ${TESTS} total`),
    file: "jest.test.cjs",
  },
  {
    name: "node:test",
    args: () => ["--test", "--test-reporter=tap", join(HOST, "node-test.test.mjs")],
    passed: new RegExp(`^# pass ${TESTS}\\n# fail 0$`, "m"),
    file: "node-test.test.mjs",
  },
];

describe("the tests of a host application", () => {
  test.for(RUNNERS)("pass under $name", { timeout: TIMEOUT_MS }, async ({ args, passed }) => {
    const { code, stdout, stderr } = await node(args(), { cwd: HOST });
    expect(stdout + stderr).toMatch(passed);
    expect(code).toBe(0);
  });

  test.for(RUNNERS)("are shown as they are for $name", async ({ file }) => {
    const guide = await readFile(join(ROOT, "docs/testing-your-application.md"), "utf8");
    expect(guide).toContain(`\n${await readFile(join(HOST, file), "utf8")}\`\`\`\n`);
  });
});
