import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { startFront } from "../stores/dynamodb/front.ts";
import { redisUrl } from "../support/servers/describe.ts";
import { node, ROOT } from "./child.ts";
import { preloadOf, samples } from "./samples.ts";

const TIMEOUT_MS = 60_000;
// All samples at once, with the types of all that they import, on a machine that may be busy with other tests.
const COMPILER_TIMEOUT_MS = 300_000;
const TSCONFIG = join(ROOT, "tsconfig.json");

// Jest gives its tests these as globals.
const JEST_GLOBALS = ["afterEach", "expect", "jest", "test"]
  .map(name => `declare const ${name}: typeof import("@jest/globals").${name};\n`)
  .join("");

let folder: string;

beforeAll(() => {
  // Below the root, so that a sample finds the packages and TypeScript its type roots.
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  folder = mkdtempSync(join(ROOT, ".cache/samples-"));
  for (const { file, code } of samples) writeFileSync(join(folder, file), code);
  // What a page has its reader save for the samples after it.
  cpSync(join(ROOT, "examples/http"), folder, { recursive: true });
  writeFileSync(join(folder, "jest.d.ts"), JEST_GLOBALS);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function typeErrors(): string[] {
  const { config } = ts.readConfigFile(TSCONFIG, ts.sys.readFile) as { config: { include: string[] } };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
  const files = readdirSync(folder).map(file => join(folder, file));
  const program = ts.createProgram(files, { ...options, allowJs: true, checkJs: true });
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const sample = samples.find(({ file: name }) => file?.fileName.endsWith(name));
    const line = file?.getLineAndCharacterOfPosition(start).line ?? 0;
    return `${sample?.where ?? file?.fileName}, line ${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}

test("all samples are type-correct", { timeout: COMPILER_TIMEOUT_MS }, () => {
  expect(typeErrors()).toEqual([]);
});

const programs = samples.filter(({ isTest, where }) => !isTest && !where.startsWith("src/"));
const examples = samples.filter(({ where }) => where.startsWith("src/"));
const redis = redisUrl();
// It knows about time to live, too.
const dynamodb = await startFront(inject("dynamodbUrl"));
afterAll(() => dynamodb.stop());
const SERVERS = {
  REDIS_URL: redis ?? "",
  DATABASE_URL: inject("postgresUrl"),
  MYSQL_URL: inject("mysqlUrl"),
  DYNAMODB_URL: dynamodb.url,
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
};

describe("each sample runs, and prints what it says", () => {
  test.concurrent.for(programs)(
    "$where",
    { timeout: TIMEOUT_MS },
    async ({ file, where, prints, needsRedis }, { skip }) => {
      skip(needsRedis && redis === undefined, "there is no Redis");
      const args = ["--import", "tsx", ...preloadOf(where), join(folder, file)];
      const { code, stdout, stderr } = await node(args, { env: { TSX_TSCONFIG_PATH: TSCONFIG, ...SERVERS } });
      expect(stderr).toBe("");
      expect(stdout.split("\n").slice(0, -1)).toEqual(prints);
      expect(code).toBe(0);
    },
  );
});

// In one process, one after the other: each is short, and needs no other's absence.
const RUN_ALL = `
import { format } from "node:util";
for (const file of process.argv.slice(2)) {
  const printed = [];
  console.log = (...values) => printed.push(...format(...values).split("\\n"));
  await import(file);
  process.stdout.write(JSON.stringify([file, printed]) + "\\n");
}
`;

test("each docstring's example runs, and prints what it says", { timeout: TIMEOUT_MS }, async ({ skip }) => {
  skip(redis === undefined, "there is no Redis");
  writeFileSync(join(folder, "run-all.mjs"), RUN_ALL);
  const files = examples.map(({ file }) => `./${file}`);
  const args = ["--import", "tsx", join(folder, "run-all.mjs"), ...files];
  const { code, stdout, stderr } = await node(args, { env: { TSX_TSCONFIG_PATH: TSCONFIG, ...SERVERS } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const printed = new Map(
    stdout
      .trim()
      .split("\n")
      .map(line => JSON.parse(line) as [string, string[]]),
  );
  expect(examples.length).toBeGreaterThan(25);
  for (const { file, where, prints } of examples)
    expect([where, printed.get(`./${file}`)]).toEqual([where, prints]);
});

test("the samples that a test runner runs are files that the hosts' tests run", () => {
  const hosts = join(ROOT, "examples/testing");
  const files = readdirSync(hosts).map(file => readFileSync(join(hosts, file), "utf8"));
  const tests = samples.filter(({ isTest }) => isTest);
  expect(tests.length).toBe(3);
  for (const { code, where } of tests) expect(files.includes(code), where).toBe(true);
});

test("the README's first sample is the example", () => {
  const example = readFileSync(join(ROOT, "examples/quick-start.ts"), "utf8");
  const first = samples.find(({ where }) => where.startsWith("README.md"));
  expect(first?.code).toContain(example.trimEnd());
});
