import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { faithfulJson } from "../../../src/results/serializer.ts";
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
    expect(faithfulJson(value)).toBe(JSON.stringify(value));
    expectDeepEqual(JSON.parse(JSON.stringify(value)), structuredClone(value));
  });

  it("whatever of generated data it says", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), plainData()), value => {
        const json = faithfulJson(value);
        if (json !== undefined) expectDeepEqual(JSON.parse(json), value);
      }),
      { numRuns: 1_000 },
    );
  });

  it("whatever JSON gave, but for -0", () => {
    fc.assert(
      fc.property(fc.json(), text => {
        const value = JSON.parse(text.replaceAll("-0", "0"));
        expect(faithfulJson(value)).toBe(JSON.stringify(value));
      }),
    );
  });
});

describe("JSON is written", () => {
  it("of plain data as deep as it may be, and no deeper", () => {
    expect(faithfulJson(nested(201))).toBe(JSON.stringify(nested(201)));
    expect(faithfulJson(nested(202))).toBeUndefined();
  });

  it("of what is referred to again, and not without end", () => {
    const shared = { n: 1 };
    const times = (count: number) => Array.from({ length: count }, () => shared);
    expect(faithfulJson(times(2))).toBe('[{"n":1},{"n":1}]');
    expect(faithfulJson(times(1_000))).toBe(JSON.stringify(times(1_000)));
    expect(faithfulJson(times(1_001))).toBeUndefined();
    // What comes after so many has to be new, which it is here.
    const all = Array.from({ length: 2_000 }, () => [{}]);
    expect(faithfulJson(all)).toBe(JSON.stringify(all));
  });

  it("whatever toJSON another realm put on its prototypes", () => {
    const there = "Object.prototype.toJSON = Array.prototype.toJSON = () => 'oh'; ({ a: [1, { b: null }] })";
    expect(faithfulJson(runInNewContext(there))).toBe('{"a":[1,{"b":null}]}');
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
    expect(faithfulJson(value)).toBeUndefined();
    expect(faithfulJson([value])).toBeUndefined();
    expect(faithfulJson({ a: 1, b: value })).toBeUndefined();
  });

  it.each(unstorable)("$what", ({ make }) => {
    expect(faithfulJson({ a: [make()] })).toBeUndefined();
  });
});

it("leaves to the graph form what would unfold for ever", () => {
  let shared: unknown[] = [];
  for (let i = 0; i < 60; i += 1) shared = [shared, shared];
  expect(faithfulJson(shared)).toBeUndefined();
});

it("takes any number of objects that are referred to once", () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({ i }));
  expect(faithfulJson(many)).toBe(JSON.stringify(many));
});

it("lists no keys of a long array", () => {
  const numbers = Array.from({ length: 100_000 }, (_, i) => i);
  const keys = vi.spyOn(Object, "keys");
  expect(faithfulJson(numbers)).toHaveLength(JSON.stringify(numbers).length);
  expect(keys).not.toHaveBeenCalled();
});
