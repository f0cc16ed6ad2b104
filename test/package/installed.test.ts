import { readFileSync } from "node:fs";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENTRIES, specifierOf } from "../../scripts/entries.ts";
import { Consumer } from "./consumer.ts";

const ROOT_NAMES = [
  "IdempotencyError",
  "InProgressError",
  "InvalidDurationError",
  "InvalidKeyError",
  "InvalidOptionError",
  "KeyReusedError",
  "LeaseLostError",
  "MAX_TTL_MS",
  "MIN_TTL_MS",
  "OutcomeUnknownError",
  "ReplayedError",
  "ResultUnavailableError",
  "StoreError",
  "certainlyNotDone",
  "createIdempotency",
  "fingerprint",
  "interruptedInTransit",
  "isIdempotencyError",
  "makeIdempotent",
  "memoryStore",
  "parseDuration",
  "withIdempotency",
];

/** The names of an entry's values, as its source lists them. */
function namesIn(entry: string): string[] {
  const text = readFileSync(`src/${entry}.ts`, "utf8");
  const { statements } = ts.createSourceFile(entry, text, ts.ScriptTarget.ESNext);
  const values = statements.flatMap(each =>
    ts.isExportDeclaration(each) &&
    !each.isTypeOnly &&
    each.exportClause &&
    ts.isNamedExports(each.exportClause)
      ? each.exportClause.elements.filter(element => !element.isTypeOnly)
      : [],
  );
  return values.map(({ name }) => name.text).sort();
}

const NAMES = ENTRIES.map(
  entry => [specifierOf(entry).replace(".", "with-idempotency"), namesIn(entry)] as const,
);

it("the root has the names that it is known for", () => {
  expect(namesIn("index")).toEqual(ROOT_NAMES);
});

let consumer: Consumer;

beforeAll(async () => {
  consumer = await Consumer.install();
}, 120_000);

afterAll(() => consumer?.remove());

describe.each(NAMES)("%s", (entry, names) => {
  it("is imported with its names", async () => {
    const script = `import * as entry from "${entry}"; console.log(JSON.stringify(Object.keys(entry)));`;
    expect(await consumer.run("names.mjs", script)).toEqual(names);
  });

  it("is required with its names", async () => {
    const script = `console.log(JSON.stringify(Object.keys(require("${entry}")).sort()));`;
    expect(await consumer.run("names.cjs", script)).toEqual(names);
  });
});

describe("the copies of the two module formats", () => {
  it("have one class for each error in all entries, so that instanceof holds across them", async () => {
    for (const format of [".cjs", ".js"]) {
      const built = consumer.files.filter(file => file.startsWith("dist/") && file.endsWith(format));
      const texts = await Promise.all(built.map(file => consumer.read(file)));
      // The lines of a packed file end anywhere, within a string by a backslash.
      const code = texts.join("\n").replaceAll("\\\n", "");
      const definitions = code.matchAll(/\bget name\(\)\s*\{\s*return\s*"(\w+Error)"/g);
      const names = Array.from(definitions, ([, name]) => name);
      expect(names).toContain("StoreError");
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    }
  });

  it.each([
    [
      "cjs",
      'const { InvalidOptionError } = require("with-idempotency"), { redisStore } = require("with-idempotency/redis");',
    ],
    [
      "mjs",
      'import { InvalidOptionError } from "with-idempotency"; import { redisStore } from "with-idempotency/redis";',
    ],
  ])("know an error of one entry by the class of another (.%s)", async (extension, imports) => {
    const script = `${imports}
      try { redisStore({}); } catch (error) { console.log(error instanceof InvalidOptionError); }`;
    expect(await consumer.run(`entries.${extension}`, script)).toBe(true);
  });

  it("know a store's error after it went through another entry", async () => {
    const script = `
      const { createIdempotency, memoryStore, IdempotencyError, StoreError } = require("with-idempotency");
      const { faultyStore } = require("with-idempotency/testing");
      const store = faultyStore(memoryStore({ maxEntries: 1, onFull: "reject" }));
      const { withIdempotency } = createIdempotency({ store });
      withIdempotency("a", "1h", () => 1).then(() => withIdempotency("b", "1h", () => 1)).catch(error => {
        const { cause } = error;
        console.log(JSON.stringify([error, cause].map(e => [e instanceof StoreError, e instanceof IdempotencyError])));
      });`;
    const both = [true, true];
    expect(await consumer.run("entries.cjs", script)).toEqual([both, both]);
  });

  it("know each other's errors by their code", async () => {
    const script = `
      import * as esm from "with-idempotency";
      import { createRequire } from "node:module";
      const cjs = createRequire(import.meta.url)("with-idempotency");
      const caught = call => { try { call(); } catch (error) { return error; } };
      const error = caught(() => cjs.parseDuration("5x"));
      console.log(JSON.stringify([
        esm.isIdempotencyError(error),
        esm.isIdempotencyError(error, "INVALID_DURATION"),
        esm.isIdempotencyError(error, "INVALID_KEY"),
        cjs.isIdempotencyError(caught(() => esm.parseDuration("2d")), "DURATION_OUT_OF_RANGE"),
        error instanceof esm.IdempotencyError,
      ]));`;
    expect(await consumer.run("codes.mjs", script)).toEqual([true, true, false, true, false]);
  });

  it("share the default store, and the run of a call that is under way", async () => {
    const script = `
      import { withIdempotency as imported } from "with-idempotency";
      import { createRequire } from "node:module";
      const { withIdempotency: required } = createRequire(import.meta.url)("with-idempotency");
      let runs = 0;
      let finish;
      const fn = () => new Promise(resolve => { runs++; finish = () => resolve({ run: runs }); });
      const atOnce = [imported("key", "1h", fn), required("key", "1h", fn)];
      finish();
      const results = await Promise.all(atOnce);
      results.push(await required("key", "1h", fn), await imported("key", "1h", fn));
      console.log(JSON.stringify({ runs, results }));`;
    expect(await consumer.run("shared.mjs", script)).toEqual({
      runs: 1,
      results: [{ run: 1 }, { run: 1 }, { run: 1 }, { run: 1 }],
    });
  });
});

describe.each([
  ["import", 'await import("with-idempotency");'],
  ["require", 'createRequire(import.meta.url)("with-idempotency");'],
])("a bare %s", (_, load) => {
  it("starts no timer and no other work, and makes no store", async () => {
    const script = `
      import { createHook } from "node:async_hooks";
      import { createRequire } from "node:module";
      const shared = () => Object.getOwnPropertySymbols(globalThis).map(String);
      const before = shared();
      const begun = [];
      createHook({ init: (id, type) => begun.push(type) }).enable();
      setTimeout(() => {}, 0).unref();
      ${load}
      const started = begun.filter(type => /Timeout|Immediate|TCP|UDP|DNS|Worker|Process/.test(type));
      console.log(JSON.stringify({
        started,
        active: process.getActiveResourcesInfo().filter(type => /Timeout|Immediate|TCP/.test(type)),
        added: shared().filter(symbol => !before.includes(symbol)),
      }));`;
    // The one timer is the script's own, which shows that the hook sees them.
    expect(await consumer.run("bare.mjs", script)).toEqual({ started: ["Timeout"], active: [], added: [] });
  });
});

it("makes its store with the first call, and lets the process end with keys alive", async () => {
  const script = `
    import { withIdempotency } from "with-idempotency";
    const shared = () => Object.getOwnPropertySymbols(globalThis).length;
    const before = shared();
    await withIdempotency("key", "24h", async () => 1);
    console.log(JSON.stringify(shared() - before));`;
  expect(await consumer.run("ends.mjs", script)).toBe(1);
});
