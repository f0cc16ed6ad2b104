import { describe, expect, it } from "vitest";
import {
  bodyOf,
  CodeError,
  errorText,
  lineOf,
  show,
} from "../../../docs/.vitepress/theme/playground/code.ts";
import { EXAMPLES } from "../../../docs/.vitepress/theme/playground/examples.ts";
import * as library from "../../../docs/.vitepress/theme/playground/library.ts";

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (library: object, console: object) => Promise<unknown>;

/** Runs code as the page does, and answers what it prints. */
async function outputOf(code: string): Promise<string[]> {
  const lines: string[] = [];
  const log = (...values: unknown[]) => lines.push(values.map(show).join(" "));
  await new AsyncFunction("library", "console", `"use strict";${bodyOf(code)}\n`)(library, { log });
  return lines;
}

describe("the code", () => {
  it("imports what it names, under other names too, and over several lines", async () => {
    const code = `import { withIdempotency as once, memoryStore } from "with-idempotency";
import * as all from 'with-idempotency';
import {
  manualClock,
} from "with-idempotency/testing";
console.log(await once("k", "1m", () => 7, { store: memoryStore() }), all.memoryStore === memoryStore, typeof manualClock);`;
    expect(await outputOf(code)).toEqual(["7 true function"]);
    expect(bodyOf(code).split("\n")).toHaveLength(code.split("\n").length);
  });

  it.each([
    ['\nimport { x } from "elsewhere";', 2, /no module "elsewhere"/],
    ['import x from "with-idempotency";', 1, /Write imports as/],
    ['let a;\nlet b;\nimport "with-idempotency";', 3, /Write imports as/],
  ])("says where an import cannot be: %j", (code, line, message) => {
    expect(() => bodyOf(code)).toThrow(CodeError);
    expect(() => bodyOf(code)).toThrow(
      expect.objectContaining({ line, message: expect.stringMatching(message) }),
    );
  });

  it("leaves what only looks like an import alone", () => {
    for (const code of ["importantThing();", 'await import("x")', "import.meta"])
      expect(bodyOf(code)).toBe(code);
  });
});

const OUTPUTS: Record<(typeof EXAMPLES)[number]["name"], string[]> = {
  "A call and its retry": [
    "event: claimed",
    "event: completed",
    '{ value: { id: "email-1" }, replayed: false, persisted: true, attempt: 1, key: "order-shipped:1041" }',
    "event: replayed",
    '{ value: { id: "email-1" }, replayed: true, persisted: true, attempt: 1, key: "order-shipped:1041" }',
    "emails: 1",
  ],
  "An unknown outcome": [
    "socket hang up",
    "OUTCOME_UNKNOWN",
    "uncertain",
    "resolved: true",
    '{ id: "email-1" } emails: 1',
  ],
  "Two processes, one store": [
    "process 1: claimed",
    "process 2: waiting",
    "process 1: completed",
    "process 2: replayed",
    '[ "email-1", "email-1" ] emails: 1',
  ],
  "When the window is over": ["0 minutes later: sent", "4 minutes later: replayed", "2 minutes later: sent"],
};

describe("each example", () => {
  it.each(EXAMPLES)("$name: runs as it stands", async ({ name, code }) => {
    expect(await outputOf(code)).toEqual(OUTPUTS[name]);
  });

  it("fits its field", () => {
    const widest = EXAMPLES.flatMap(({ code }) => code.split("\n")).filter(line => line.length > 80);
    expect(widest).toEqual([]);
  });
});

describe("a value", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  it.each<[unknown, string]>([
    ["text", "text"],
    [["a", 1n, -0, undefined, null], '[ "a", 1n, -0, undefined, null ]'],
    [{ a: { b: [] } }, "{ a: { b: [] } }"],
    [{}, "{}"],
    [cycle, "{ self: [circular] }"],
    [new Map([["a", new Set([1])]]), 'Map(1) { "a" => Set(1) { 1 } }'],
    [new Date(0), "1970-01-01T00:00:00.000Z"],
    [new Date(Number.NaN), "Invalid Date"],
    [new TypeError("no"), "TypeError: no"],
    [Object.assign(new Error("cut"), { code: "ECONNRESET" }), "Error: cut [ECONNRESET]"],
    [Object.create(null), "{}"],
    [() => {}, "[function anonymous]"],
  ])("%# is shown", (value, shown) => {
    expect(show(value)).toBe(shown);
  });

  it("is shown as an error, whatever was thrown", () => {
    expect([errorText("text"), errorText(undefined), errorText({ a: 1 })]).toEqual([
      "text",
      "undefined",
      "{ a: 1 }",
    ]);
  });
});

describe("a stack", () => {
  it("names the line of the code", () => {
    const stack = "Error: no\n    at eval (eval at <anonymous> (http://x/realm.js:1:5), <anonymous>:7:11)";
    expect(lineOf(stack, 2)).toBe(5);
    expect(lineOf("Error: no\n    at http://x/realm.js:1:5", 2)).toBeUndefined();
    expect(lineOf(undefined, 2)).toBeUndefined();
  });
});
