import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { bytesOf, hasHole, kindOf } from "../../../src/util/plain-data.ts";
import { disguised } from "../../support/unstorable.ts";

const there = (source: string): object => runInNewContext(`(${source})`);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("the kind of plain data", () => {
  it.each<[string, object]>([
    ["Object", {}],
    ["Object", { a: 1 }],
    ["Object", there("{ a: 1 }")],
    ["Object", JSON.parse('{ "__proto__": 1 }')],
    ["Null", Object.create(null)],
    ["Null", Object.assign(Object.create(null), { a: 1 })],
    ["Array", []],
    ["Array", [1, 2]],
    ["Array", new Array(3)],
    ["Array", new Array(4_294_967_295)],
    ["Array", there("[1, , 3]")],
    ["Array", new Array(2_000).fill(1)],
    ["Array", there("new Array(2_000).fill(1)")],
    ["Uint8Array", new Uint8Array(2_000)],
    ["Buffer", Buffer.alloc(2_000)],
    ["Buffer", Buffer.alloc(1)],
    ["Buffer", Buffer.from("pooled").subarray(1)],
  ])("%s: case %#", (kind, value) => {
    expect(kindOf(value)).toBe(kind);
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
  it.each(Object.entries(sources))("%s, of any realm", (name, source) => {
    expect(kindOf(there(source))).toBe(name);
    expect(kindOf(Function(`return ${source}`)())).toBe(name);
  });

  it("is Date under fake timers too", () => {
    const real = new Date();
    vi.useFakeTimers();
    expect([kindOf(real), kindOf(new Date())]).toEqual(["Date", "Date"]);
  });
});

describe("no plain data", () => {
  it.each<[object]>([
    [/x/],
    [new Error("oh")],
    [new WeakMap()],
    [Promise.resolve()],
    [new (class Account {})()],
    [there("new (class Account {})()")],
    [new (class Ledger extends Map {})()],
    [new (class Bytes extends Uint8Array {})(1)],
    [Function("return new (class Uint8Array extends globalThis.Uint8Array {})(1)")()],
    [new (class List extends Array {})()],
    [Object.create({})],
    [there("Object.create({})")],
    [Object.create({ isPrototypeOf: 1 })],
    [Object.create(Object.create(null))],
    [{ [Symbol("s")]: 1 }],
    [Object.assign(new Map(), { length: 1 })],
    [Object.assign([1], { more: 1 })],
    [Object.assign([1], { "-1": 1 })],
    [Object.assign([1, 2], { "1.5": 1 })],
    [Object.assign([1], { "": 1 })],
    [Object.assign([1], { "01": 1 })],
    [Object.assign([1], { "4294967295": 1 })],
    [Object.assign([1], { [Symbol("s")]: 1 })],
    [Object.assign(new Array(2_000), { more: 1 })],
    [Object.assign(new Uint8Array(2_000_000), { more: " items ]" })],
    [Object.assign(Buffer.alloc(2_000), { more: [1] })],
    [new SharedArrayBuffer(4)],
  ])("case %#", value => {
    expect(kindOf(value)).toBeUndefined();
  });

  it.each(disguised)("$what", ({ make }) => {
    const value = make() as object;
    // A lie about `toStringTag` comes out where the value is read.
    const read = () => {
      const kind = kindOf(value);
      if (kind === "Map") Map.prototype.entries.call(value);
      if (kind === "Set") Set.prototype.values.call(value);
      if (kind === "Date") Date.prototype.getTime.call(value);
      if (kind === "ArrayBuffer") bytesOf(value);
      return kind;
    };
    try {
      expect(read()).toBeUndefined();
    } catch (error) {
      expect((error as Error).name).toBe("TypeError");
    }
  });
});

describe("without Node's own look at a long list", () => {
  it("finds a property by the keys", async () => {
    vi.resetModules();
    vi.stubGlobal("process", { env: {} });
    const { kindOf: portable } = await import("../../../src/util/plain-data.ts");
    expect(portable(new Array(2_000).fill(1))).toBe("Array");
    expect(portable(Object.assign(new Array(2_000).fill(1), { more: 1 }))).toBeUndefined();
    expect(portable(Object.assign(new Float32Array(2_000), { more: 1 }))).toBeUndefined();
    // Its keys would take more memory than anybody has to spare.
    expect(portable(new Uint8Array(100_000_000))).toBe("Uint8Array");
    expect(portable(Object.create(null))).toBe("Null");
  });
});

it("knows a hole from undefined", () => {
  expect([hasHole([undefined]), hasHole([1, 2]), hasHole([]), hasHole(new Array(4_294_967_295))]).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

describe("the bytes", () => {
  it("of a view are those within it", () => {
    const { buffer } = Uint8Array.of(1, 2, 3, 4);
    expect([...bytesOf(new Uint8Array(buffer, 1, 2))]).toEqual([2, 3]);
    expect([...bytesOf(new DataView(buffer, 2))]).toEqual([3, 4]);
    expect([...bytesOf(buffer)]).toEqual([1, 2, 3, 4]);
    expect(bytesOf(new Float64Array(2))).toHaveLength(16);
  });

  it("are nowhere else", () => {
    expect(() => bytesOf({ tag: "ArrayBuffer", byteLength: 4, slice: () => [1] })).toThrow(TypeError);
  });
});
