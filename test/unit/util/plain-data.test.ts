import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { builtinName, bytesOf, isPlainObject } from "../../../src/util/plain-data.ts";

const there = (source: string): object => runInNewContext(`(${source})`);

describe("a plain object", () => {
  it.each([{}, { a: 1 }, Object.create(null), there("{ a: 1 }"), JSON.parse('{ "__proto__": 1 }')])(
    "%o is one",
    value => {
      expect(isPlainObject(value)).toBe(true);
    },
  );

  it.each([
    [[]],
    [new Date()],
    [new (class Account {})()],
    [Object.create({})],
    [Object.create({ isPrototypeOf: 1 })],
    [Object.create(Object.create(null))],
    [{ [Symbol("s")]: 1 }],
    [there("new (class Account {})()")],
    [there("Object.create({})")],
  ])("%o is none", value => {
    expect(isPlainObject(value)).toBe(false);
  });
});

const sources = {
  Date: "new Date()",
  Map: "new Map()",
  Set: "new Set()",
  ArrayBuffer: "new ArrayBuffer(8)",
  DataView: "new DataView(new ArrayBuffer(8))",
  Int8Array: "new Int8Array(1)",
  Uint8Array: "new Uint8Array(1)",
  Uint8ClampedArray: "new Uint8ClampedArray(1)",
  Float64Array: "new Float64Array(1)",
  BigInt64Array: "new BigInt64Array(1)",
  BigUint64Array: "new BigUint64Array(1)",
};

describe("the name of a built-in class", () => {
  it.each(Object.entries(sources))("%s, of any realm", (name, source) => {
    expect(builtinName(there(source))).toBe(name);
    expect(builtinName(Function(`return ${source}`)())).toBe(name);
  });

  it("tells a Buffer from its bytes", () => {
    expect(builtinName(Buffer.alloc(1))).toBe("Buffer");
    expect(builtinName(new Uint8Array(1))).toBe("Uint8Array");
  });

  it.each([
    [/x/],
    [new Error("oh")],
    [new WeakMap()],
    [new (class Ledger extends Map {})()],
    [new (class Bytes extends Uint8Array {})(1)],
    [Object.assign(new Map(), { length: 1 })],
    [new (class Account {})()],
    [Promise.resolve()],
  ])("%o has none", value => {
    expect(builtinName(value)).toBeUndefined();
  });
});

describe("the bytes", () => {
  it("of a view are those within it", () => {
    const { buffer } = Uint8Array.of(1, 2, 3, 4);
    expect([...bytesOf(new Uint8Array(buffer, 1, 2))]).toEqual([2, 3]);
    expect([...bytesOf(new DataView(buffer, 2))]).toEqual([3, 4]);
    expect([...bytesOf(buffer)]).toEqual([1, 2, 3, 4]);
  });

  it("are nowhere else", () => {
    expect(() => bytesOf({ tag: "ArrayBuffer" })).toThrow(TypeError);
  });
});

describe("under fake timers", () => {
  afterEach(() => void vi.useRealTimers());

  it("takes their Date for a Date", () => {
    vi.useFakeTimers();
    expect(builtinName(new Date())).toBe("Date");
  });
});
