import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  expectFunction,
  expectMethods,
  expectOneOf,
  expectPlain,
  invalidOption,
  readByRules,
} from "../../../src/contract/validate.ts";
import { unhandledDuring } from "../../support/calls.ts";
import { caught } from "../../support/caught.ts";

const said = (act: () => unknown) => caught(act, "INVALID_OPTION").message;

it("says which option, what was expected and what came", () => {
  expect(said(() => invalidOption("size", "a number", "big"))).toBe('size: expected a number; got "big"');
});

it("takes a function only for a function", () => {
  expect(said(() => expectFunction("onEvent", {}))).toBe(
    "onEvent: expected a function; got an object with no keys",
  );
  expect(expectFunction("onEvent", () => 1)).toBeUndefined();
  expect(expectFunction("onEvent", class {})).toBeUndefined();
});

it("takes one of the choices only", () => {
  expect(said(() => expectOneOf("mode", ["a", "b"], "A"))).toBe('mode: expected "a" or "b"; got "A"');
  expect(said(() => expectOneOf("mode", ["a", "b"], ["a"]))).toBe(
    'mode: expected "a" or "b"; got an array of 1',
  );
  expect(expectOneOf("mode", ["a", "b"], "b")).toBeUndefined();
});

it("takes an object with the methods only", () => {
  const check = (value: unknown) => () => expectMethods("log", "a logger", ["info", "warn"], value);
  expect(said(check({ info: 1, warn() {} }))).toBe(
    "log: expected a logger; got an object with info, warn without info",
  );
  expect(said(check(null))).toBe("log: expected a logger; got null without info, warn");
  expect(said(check(undefined))).toBe("log: expected a logger; got undefined without info, warn");
  expect(check(Object.create({ info() {}, warn() {} }))()).toBeUndefined();
});

it("takes a promise for neither methods nor options, and leaves its rejection to nobody", async () => {
  const unhandled = await unhandledDuring(() => {
    const options = Promise.reject(new Error("no file"));
    expect(said(() => expectPlain("options", options))).toContain("got a promise");
    const store = Promise.reject(new Error("no connection"));
    expect(said(() => expectMethods("log", "a logger", ["info"], store))).toBe(
      "log: expected a logger; got a promise without info",
    );
  });
  expect(unhandled).toEqual([]);
});

describe("a plain object", () => {
  class Given {
    size = 5;
    get mode() {
      return "a";
    }
  }

  it.each<[string, unknown, string]>([
    ["a promise", Promise.resolve({ size: 5 }), "a promise"],
    ["a Map", new Map([["size", 5]]), "an object with no keys"],
    ["an instance", new Given(), "an object with size"],
    ["an object that inherits", Object.create({ size: 5 }), "an object with no keys"],
    ["a function", () => ({ size: 5 }), "a function"],
    ["an array", [1], "an array of 1"],
    ["a number", 5, "5"],
  ])("is not %s", (_, options, got) => {
    expect(said(() => expectPlain("options", options))).toBe(`options: expected a plain object; got ${got}`);
    expect(said(() => readByRules<object>("options", options, {}))).toContain("expected a plain object");
  });

  it.each([
    ["a literal", { size: 5 }],
    ["one without a prototype", Object.assign(Object.create(null), { size: 5 })],
    ["one of another realm", runInNewContext("({ size: 5 })")],
    ["a frozen copy", Object.freeze(structuredClone({ size: 5 }))],
    ["a proxy of one", new Proxy({ size: 5 }, {})],
  ])("is %s", (_, options) => {
    expect(expectPlain("options", options)).toBeUndefined();
    expect(readByRules<object>("options", options, { size: bytes => ({ bytes }) })).toEqual({ bytes: 5 });
  });
});

it("reads what is given by its rule", () => {
  const rules = { size: (value: unknown) => ({ bytes: value }), mode: (value: unknown) => ({ mode: value }) };
  const read = (options: unknown) => readByRules<object>("disk options", options, rules);
  expect(read({})).toEqual({});
  expect(read({ size: 5, mode: undefined })).toEqual({ bytes: 5 });
  expect(read({ size: null, mode: 0 })).toEqual({ bytes: null, mode: 0 });
  expect(said(() => read({ sizes: 5 }))).toBe('disk options: expected one of size, mode; got "sizes"');
  expect(said(() => read({ toString: 5 }))).toBe('disk options: expected one of size, mode; got "toString"');
  expect(said(() => read({ other: undefined }))).toContain('got "other"');
  expect(said(() => read(JSON.parse('{ "__proto__": 1 }')))).toContain('got "__proto__"');
  for (const [options, shown] of [
    [null, "null"],
    [[], "an empty array"],
    ["5s", '"5s"'],
    [undefined, "undefined"],
  ]) {
    expect(said(() => read(options))).toBe(`disk options: expected a plain object; got ${shown}`);
  }
});
