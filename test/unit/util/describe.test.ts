import { expect, it } from "vitest";
import { describe, describeRefused, reasonOf } from "../../../src/util/describe.ts";

it.each([
  ["text", '"text"'],
  ["", '""'],
  ['"\n', '"\\"\\n"'],
  ["x".repeat(78), `"${"x".repeat(78)}"`],
  ["x".repeat(79), `"${"x".repeat(79)}… (81 characters)`],
  [5, "5"],
  [-0, "-0"],
  [0, "0"],
  [Number.NaN, "NaN"],
  [7n, "7n"],
  [10n ** 200n, `1${"0".repeat(79)}… (202 characters)`],
  [true, "true"],
  [null, "null"],
  [undefined, "undefined"],
  [Symbol("s"), "Symbol(s)"],
  [() => 1, "a function"],
  [class {}, "a function"],
  [[], "an empty array"],
  [[1, 2], "an array of 2"],
  [{}, "an object with no keys"],
  [{ a: 1, b: 2 }, "an object with a, b"],
  [Object.create(null), "an object with no keys"],
  [{ ["k".repeat(90)]: 1 }, `an object with ${"k".repeat(80)}… (90 characters)`],
])("case %#", (value, shown) => {
  expect(describe(value)).toBe(shown);
});

it("names what cannot be read", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(describe(proxy)).toBe("an object that cannot be read");
});

it.each([
  [new Error("refused"), "refused"],
  [new RangeError(), "RangeError, without a message"],
  [Object.assign(new TypeError("x"), { message: Symbol("s") }), "TypeError, without a message"],
  [Object.assign(new Error("x"), { message: Object.create(null) }), "Error, without a message"],
  ["text", '"text"'],
  [undefined, "undefined"],
])("reason %#", (cause, said) => {
  expect(reasonOf(cause)).toBe(said);
});

it.each([
  [Promise.resolve(), "a promise"],
  [{ then() {} }, "a promise"],
  [{ then: 1 }, "an object with then"],
  ["text", '"text"'],
])("refused %#", (value, shown) => {
  expect(describeRefused(value)).toBe(shown);
});
