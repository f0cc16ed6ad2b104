import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tool } from "../package/consumer.ts";

const BUILT = resolve(import.meta.dirname, "../../dist/index.cjs");
const { resolve: locate } = createRequire(import.meta.url);

// Section 9: no global beyond ECMAScript's own, AbortController, setTimeout and crypto.getRandomValues is needed.
const SUITE = `
const { createIdempotency, fingerprint, memoryStore, parseDuration, withIdempotency } = require("with-idempotency");

test("lacks what this suite is about", () => {
  expect(typeof TextEncoder).toBe("undefined");
  expect(typeof structuredClone).toBe("undefined");
});

test("a plain call", async () => {
  expect(await withIdempotency("a", "1h", () => 1)).toBe(1);
  expect(await withIdempotency("a", "1h", () => 2)).toBe(1);
});

test("execution.idempotencyKey", async () => {
  expect(await withIdempotency("b", "1h", ({ idempotencyKey }) => idempotencyKey)).toMatch(/^[\\w-]{43}$/);
});

test("fingerprint()", () => {
  expect(fingerprint({ order: 42, items: ["pen"], at: new Date(0) })).toBe("ijTQxh9Tzprs9z6MW-eYgW");
  expect(fingerprint(new Map([["b", new Set([2, "2"])], ["a", undefined]]))).toBe("YWTICs4jWEJ0xUGQgKJ9S_");
  expect(fingerprint("é€😀\\u0000\\u2028")).toBe("mH2rp8hRuMb2De-WFA4FNQ");
});

test("the fingerprint option", async () => {
  expect(await withIdempotency("c", "1h", () => 1, { fingerprint: { a: 1 } })).toBe(1);
});

test("a long key, and a duration", async () => {
  expect(await withIdempotency("x".repeat(300), "1h", () => parseDuration("1.5h"))).toBe(5_400_000);
});

test("results", async () => {
  const { execute } = createIdempotency({ store: memoryStore() });
  const make = () => ({
    date: new Date(0), map: new Map([[1, new Set([2])]]), bytes: new Uint8Array([1, 2]), buffer: Buffer.from("ab"),
    floats: new Float64Array([0.5]), view: new DataView(new ArrayBuffer(2)), big: 1n, none: undefined, list: [1, , 3],
  });
  expect(await execute("r", "1h", make)).toMatchObject({ persisted: true, replayed: false });
  const again = await execute("r", "1h", make);
  expect(again).toMatchObject({ replayed: true });
  expect(again.value).toEqual(make());
  expect(again.value.buffer).toBeInstanceOf(Buffer);
});

test("a result that cannot be stored", async () => {
  const { execute } = createIdempotency({ store: memoryStore() });
  expect(await execute("u", "1h", () => ({ body: document.createElement("div") }))).toMatchObject({ persisted: false });
  await expect(execute("u", "1h", () => 1)).rejects.toThrow("result.body: a HTMLDivElement");
});
`;

let folder: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "with-idempotency-jest-")));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function runIn(environment: string, setup = "") {
  await writeFile(join(folder, "send.test.js"), setup + SUITE);
  const config = {
    rootDir: folder,
    testEnvironment: locate(environment),
    transform: {},
    moduleNameMapper: { "^with-idempotency$": BUILT },
    haste: { enableSymlinks: false },
    watchman: false,
    cache: false,
  };
  await writeFile(join(folder, "jest.config.json"), JSON.stringify(config));
  return tool("jest", ["--config", "jest.config.json", "--runInBand"], folder);
}

describe("the root entry in Jest's jsdom", () => {
  it("runs with what it has", async () => {
    const { code, output } = await runIn("jest-environment-jsdom");
    expect(code, output).toBe(0);
  }, 90_000);

  it("runs with no more than ECMAScript and what the contract names", async () => {
    const setup = `
      const Buffer = Uint8Array;
      Buffer.from = () => new Uint8Array([97, 98]);
      for (const name of ["Buffer", "atob", "TextDecoder"]) delete globalThis[name];
      process.getBuiltinModule = undefined;
    `;
    const { code, output } = await runIn("jest-environment-jsdom", setup);
    expect(code, output).toBe(0);
  }, 90_000);
});
