import { isDeepStrictEqual } from "node:util";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { fingerprint } from "../../../src/contract/fingerprint.ts";
import { caught } from "../../support/caught.ts";
import { cyclicData, plainData } from "../../support/plain-data.ts";
import { unstorable } from "../../support/unstorable.ts";

const different: [string, unknown][] = [
  ["1", 1],
  ['"1"', "1"],
  ["1n", 1n],
  ['"1n"', "1n"],
  ["0", 0],
  ["-0", -0],
  ["NaN", Number.NaN],
  ['"NaN"', "NaN"],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["true", true],
  ["null", null],
  ["undefined", undefined],
  ['""', ""],
  ["[]", []],
  ["{}", {}],
  ["[undefined]", [undefined]],
  ["[null]", [null]],
  ["a hole", new Array(1)],
  ["[[]]", [[]]],
  ["[1, 2]", [1, 2]],
  ["[2, 1]", [2, 1]],
  ['["1,2"]', ["1,2"]],
  ["{ a: undefined }", { a: undefined }],
  ["{ a: null }", { a: null }],
  ["{ a: 1 }", { a: 1 }],
  ["{ a: 1, b: 2 }", { a: 1, b: 2 }],
  ["{ a: { b: 2 } }", { a: { b: 2 } }],
  ["a Date", new Date(0)],
  ["its text", new Date(0).toISOString()],
  ["another Date", new Date(1)],
  ["an invalid Date", new Date(Number.NaN)],
  ["an empty Map", new Map()],
  ["a Map", new Map([["a", 1]])],
  ["its entries", [["a", 1]]],
  ["an empty Set", new Set()],
  ["a Set", new Set([1])],
  ["a Set of text", new Set(["1"])],
  ["bytes", Uint8Array.of(1, 2)],
  ["a part of bytes", Uint8Array.of(1, 2, 3).subarray(1)],
  ["signed bytes", Int8Array.of(1, 2)],
  ["a Buffer", Buffer.of(1, 2)],
  ["an ArrayBuffer", Uint8Array.of(1, 2).buffer],
  ["a DataView", new DataView(Uint8Array.of(1, 2).buffer)],
];

it("is 22 characters that fit anywhere", () => {
  expect(fingerprint({ to: "ada@example.com" })).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(fingerprint("x".repeat(5_000_000))).toHaveLength(22);
});

it("is the same for ever", () => {
  expect(fingerprint({ order: 42, items: ["pen"], at: new Date(0) })).toBe("ijTQxh9Tzprs9z6MW-eYgW");
});

it("differs wherever the data does", () => {
  const seen = new Map<string, string>();
  for (const [what, data] of different) {
    const digest = fingerprint(data);
    expect([what, seen.get(digest)]).toEqual([what, undefined]);
    seen.set(digest, what);
  }
});

describe("is the same whatever the order", () => {
  it("of keys, of a Map's entries and of a Set's members", () => {
    expect(fingerprint({ a: 1, b: { c: 2, d: 3 } })).toBe(fingerprint({ b: { d: 3, c: 2 }, a: 1 }));
    const entries: [string, number][] = [
      ["a", 1],
      ["b", 2],
    ];
    expect(fingerprint(new Map(entries))).toBe(fingerprint(new Map(entries.toReversed())));
    expect(fingerprint(new Set([1, "1"]))).toBe(fingerprint(new Set(["1", 1])));
  });

  it("of the keys of generated data", () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string(), plainData()), { selector: ([key]) => key });
    fc.assert(
      fc.property(entries, given => {
        const data = Object.fromEntries(given);
        expect(fingerprint(Object.fromEntries(given.toReversed()))).toBe(fingerprint(data));
      }),
    );
  });
});

describe("is the same for equal data, and only for such", () => {
  it("two data", () => {
    const data = plainData({ nullPrototype: false });
    const small = fc.anything({
      maxDepth: 2,
      maxKeys: 2,
      values: [fc.constantFrom(0, "0", null, undefined)],
    });
    fc.assert(
      fc.property(fc.oneof(fc.tuple(data, data), fc.tuple(small, small)), ([one, two]) => {
        expect(fingerprint(one) === fingerprint(two)).toBe(isDeepStrictEqual(one, two));
      }),
      { numRuns: 1_000 },
    );
  });

  it("data and its copy", () => {
    const data = plainData({ nullPrototype: false });
    fc.assert(
      fc.property(data, it => {
        expect(fingerprint(structuredClone(it))).toBe(fingerprint(it));
      }),
    );
  });

  it("a cycle and its copy", () => {
    fc.assert(
      fc.property(cyclicData, data => {
        expect(fingerprint(structuredClone(data))).toBe(fingerprint(data));
      }),
    );
    const [self, other]: [unknown[], unknown[]] = [[1], [2]];
    self.push(self);
    other.push(other);
    expect(fingerprint(self)).not.toBe(fingerprint(other));
  });

  it("data of another realm", () => {
    const source =
      "({ list: [1, { a: new Date(5) }], map: new Map([[1, new Set([2])]]), bytes: Int16Array.of(7) })";
    const here = {
      list: [1, { a: new Date(5) }],
      map: new Map([[1, new Set([2])]]),
      bytes: Int16Array.of(7),
    };
    expect(fingerprint(runInNewContext(source))).toBe(fingerprint(here));
  });
});

describe("refuses", () => {
  it.each(unstorable)("$what", ({ make }) => {
    for (const data of [make(), { deep: [make()] }]) {
      const error = caught(() => fingerprint(data), "INVALID_OPTION");
      expect(error.message).toMatch(/^fingerprint: expected plain data; got ./);
      expect(error.cause).toBeInstanceOf(Error);
    }
  });

  it.each([
    { got: "a function", make: () => () => 1 },
    { got: "Symbol(s)", make: () => Symbol("s") },
    { got: "an Account", make: () => new (class Account {})() },
    { got: "an Array that is more than plain data", make: () => Object.assign([1], { more: 2 }) },
    {
      got: "data that cannot be read",
      make: () => new Proxy({}, { ownKeys: () => Object.freeze(["a", "a"]) }),
    },
  ])("$got, and says so", ({ got, make }) => {
    expect(caught(() => fingerprint(make()), "INVALID_OPTION").message).toBe(
      `fingerprint: expected plain data; got ${got}`,
    );
  });

  it("knows no Buffer where there is none", () => {
    const bytes = Uint8Array.of(1);
    const before = fingerprint(bytes);
    vi.stubGlobal("Buffer", undefined);
    try {
      expect(fingerprint(bytes)).toBe(before);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
