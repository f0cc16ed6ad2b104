import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFaithfulJson } from "../../../src/results/serializer.ts";
import { isPlainArray } from "../../../src/util/plain-data.ts";
import { expectDeepEqual, plainData } from "../../support/plain-data.ts";
import { unstorable } from "../../support/unstorable.ts";

function nested(depth: number): unknown {
  let data: unknown = "within";
  for (let i = 0; i < depth; i += 1) data = i % 2 === 0 ? [data] : { in: data };
  return data;
}

const cycle: unknown[] = [1];
cycle.push(cycle);

describe("JSON is faithful to", () => {
  it.each([
    ["a string"],
    [""],
    [0],
    [-1.5],
    [5e-324],
    [true],
    [false],
    [null],
    [[]],
    [{}],
    [[1, ["a", null], { b: [true] }]],
    [JSON.parse('{ "__proto__": { "polluted": true }, "constructor": 1 }')],
    [nested(200)],
    [runInNewContext("({ list: [1, { a: [] }] })")],
  ])("%j", value => {
    expect(isFaithfulJson(value)).toBe(true);
    expectDeepEqual(JSON.parse(JSON.stringify(value)), structuredClone(value));
  });

  it("whatever of generated data it says", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), plainData()), value => {
        if (isFaithfulJson(value)) expectDeepEqual(JSON.parse(JSON.stringify(value)), value);
      }),
      { numRuns: 1_000 },
    );
  });

  it("whatever JSON gave, but for -0", () => {
    fc.assert(
      fc.property(fc.json(), text => {
        const value = JSON.parse(text.replaceAll("-0", "0"));
        expect(isFaithfulJson(value)).toBe(true);
      }),
    );
  });
});

describe("JSON is not faithful to", () => {
  it.each([
    ["undefined", undefined],
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["-0", -0],
    ["a bigint", 1n],
    ["a Date", new Date(0)],
    ["a Map", new Map()],
    ["a Set", new Set()],
    ["bytes", new Uint8Array(1)],
    ["a hole", new Array(1)],
    ["an object without prototype", Object.create(null)],
    ["what writes its own JSON", { toJSON: () => 1 }],
    ["what could", { toJSON: 1 }],
    ["a cycle", cycle],
    ["plain data deeper than its stack may be", nested(202)],
  ])("%s", (_, value) => {
    expect(isFaithfulJson(value)).toBe(false);
    expect(isFaithfulJson([value])).toBe(false);
    expect(isFaithfulJson({ a: 1, b: value })).toBe(false);
  });

  it.each(unstorable)("$what", ({ make }) => {
    const says = () => isFaithfulJson({ a: [make()] });
    const throws = /^not for you$|revoked/;
    try {
      expect(says()).toBe(false);
    } catch (error) {
      expect((error as Error).message).toMatch(throws);
    }
  });
});

describe("a plain array", () => {
  it.each([[[]], [[1, 2]], [new Array(3)], [runInNewContext("[1, , 3]")]])("%o is one", array => {
    expect(isPlainArray(array)).toBe(true);
  });

  it.each([
    [Object.assign([1], { more: 1 })],
    [Object.assign([1], { "-1": 1 })],
    [Object.assign([1, 2], { "1.5": 1 })],
    [Object.assign([1], { "": 1 })],
    [Object.assign([1], { "01": 1 })],
    [Object.assign([1], { "4294967295": 1 })],
    [Object.assign([1], { [Symbol("s")]: 1 })],
    [Object.setPrototypeOf([], null)],
    [Object.setPrototypeOf([], Object.setPrototypeOf([], null))],
    [new (class List extends Array {})()],
  ])("%# is none", array => {
    expect(isPlainArray(array)).toBe(false);
  });
});

it("leaves to the graph form what would unfold for ever", () => {
  let shared: unknown[] = [];
  for (let i = 0; i < 60; i += 1) shared = [shared, shared];
  expect(isFaithfulJson(shared)).toBe(false);
});
