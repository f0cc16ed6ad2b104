import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parseGraph, stringifyGraph } from "../../../src/results/graph.ts";
import { cyclicData, expectDeepEqual, plainData } from "../../support/plain-data.ts";
import { unstorable } from "../../support/unstorable.ts";

const through = (value: unknown) => parseGraph(stringifyGraph(value));

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("comes back deep-equal", () => {
  it.each([
    ["undefined", undefined],
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["-0", -0],
    ["0", 0],
    ["null", null],
    ["a string", "sent"],
    ["a bigint", -12345678901234567890n],
    ["a Date", new Date(86_400_000)],
    ["a Map", new Map<unknown, unknown>([[{ a: 1 }, new Set([undefined])]])],
    ["a Set", new Set([1, "1", new Set()])],
    ["holes", Object.assign(new Array(4), { 0: 1, 2: 3 })],
    ["a long array of nothing", new Array(4_294_967_295)],
    ["an object without prototype", Object.assign(Object.create(null), { a: undefined })],
    ["own __proto__", JSON.parse('{ "__proto__": 1, "constructor": -1 }')],
    ["a Buffer", Buffer.from("bytes")],
    ["a part of a buffer", new Uint8Array(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2)],
    ["an ArrayBuffer", Uint8Array.of(0, 128, 255).buffer],
    ["a DataView", new DataView(Uint8Array.of(1, 2, 3).buffer, 1)],
    ["no bytes", new Uint8Array()],
    ["clamped bytes", Uint8ClampedArray.of(300)],
    ["floats", Float64Array.of(-0, Number.NaN, 1e308)],
    ["large integers", BigUint64Array.of(2n ** 64n - 1n)],
  ])("%s", (_, value) => {
    expectDeepEqual(through(value), value);
    expectDeepEqual(through({ deep: [value, value] }), { deep: [value, value] });
  });

  it("an invalid Date", () => {
    const date = through(new Date(Number.NaN));
    expect(date).toBeInstanceOf(Date);
    expect((date as Date).getTime()).toBeNaN();
  });

  it("generated data", () => {
    fc.assert(
      fc.property(plainData(), value => {
        expectDeepEqual(through(value), value);
      }),
      { numRuns: 1_000 },
    );
  });

  it("generated cycles", () => {
    fc.assert(
      fc.property(cyclicData, value => {
        expectDeepEqual(through(value), value);
      }),
      { numRuns: 500 },
    );
  });

  it("data of another realm, as data of this one", () => {
    const there = runInNewContext(
      "({ at: new Date(5), list: [1n, , new Map([[new Set([1]), Int8Array.of(1)]])] })",
    );
    const list = [1n, 0, new Map([[new Set([1]), Int8Array.of(1)]])];
    delete list[1];
    expectDeepEqual(through(there), { at: new Date(5), list });
  });

  it("nesting that no stack holds", () => {
    let value: unknown[] = [];
    for (let i = 0; i < 20_000; i += 1) value = [value];
    let depth = 0;
    for (let back = through(value) as unknown[]; back.length > 0; back = back[0] as unknown[]) depth += 1;
    expect(depth).toBe(20_000);
  });

  it("a megabyte of bytes", () => {
    const bytes = new Uint8Array(1_048_576).map((_, i) => i % 251);
    expectDeepEqual(through(bytes), bytes);
  });

  it("with what was one object still one", () => {
    const shared = { n: 1 };
    const data = { a: shared, list: [shared], map: new Map([[shared, shared]]), self: [] as unknown[] };
    data.self.push(data);
    const back = through(data) as typeof data;
    expect(back.list[0]).toBe(back.a);
    expect([...back.map][0]).toEqual([back.a, back.a]);
    expect(back.map.get(back.a)).toBe(back.a);
    expect(back.self[0]).toBe(back);
    expect(back.a).not.toBe(shared);
  });

  it("with a prototype untouched", () => {
    const back = through(JSON.parse('{ "__proto__": { "polluted": 1 }, "at": [{ "constructor": null }] }'));
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(back, "__proto__")).toEqual({
      value: { polluted: 1 },
      writable: true,
      enumerable: true,
      configurable: true,
    });
    expect({}).not.toHaveProperty("polluted");
  });

  it("as bytes, where there is no Buffer", () => {
    const text = stringifyGraph(Buffer.from([1, 2]));
    vi.stubGlobal("Buffer", undefined);
    expect(() => parseGraph(text)).toThrow("The stored result is malformed");
    expectDeepEqual(parseGraph('[["Uint8Array","AQI="]]'), Uint8Array.of(1, 2));
  });
});

it.each(unstorable)("does not take $what", ({ make }) => {
  expect(() => stringifyGraph(make())).toThrow();
  expect(() => stringifyGraph({ deep: new Map([[1, make()]]) })).toThrow();
});

describe("says where what it does not take is, and what that is", () => {
  const f = () => 1;
  const sparse: unknown[] = [];
  sparse[3] = f;

  it.each<[string, unknown]>([
    ["result: a function", f],
    ["result[1].f: a function", [1, { f }]],
    ["result.$a_1: a function", { $a_1: f }],
    ['result["a-b"]: a function', { "a-b": f }],
    ['result["-a"]: a function', { "-a": f }],
    ['result[""]: a function', { "": f }],
    ["result[3]: a function", sparse],
    [
      'result.get("b"): a function',
      new Map<string, unknown>([
        ["a", 1],
        ["b", f],
      ]),
    ],
    [
      'result.get("a").deep: a function',
      new Map([
        ["a", { deep: f }],
        ["b", { deep: 1 }],
      ]),
    ],
    [
      "result (a key: a function): a function",
      new Map<unknown, number>([
        ["a", 1],
        [f, 2],
      ]),
    ],
    ["result[1]: a function", new Set<unknown>([1, f])],
    [`result.${"a".repeat(199)}: a function`, { ["a".repeat(199)]: f }],
    [`result…${"a".repeat(200)}: a function`, { ["a".repeat(200)]: f }],
    [`result…${"a".repeat(160)}${".b".repeat(20)}: a function`, within("a".repeat(180), within("b", f, 20))],
  ])("%s", (message, value) => {
    expect(() => stringifyGraph(value)).toThrow(new TypeError(message));
  });

  it("with what kept it from being read", () => {
    const cause = new Error("not for you");
    const secret = {
      get at() {
        throw cause;
      },
    };
    const refused = expect.objectContaining({ message: "result[0]: an object that cannot be read", cause });
    expect(() => stringifyGraph([secret])).toThrow(refused);
  });
});

/** The value, as many objects deep. */
function within(name: string, value: unknown, depth = 1): unknown {
  return depth === 0 ? value : { [name]: within(name, value, depth - 1) };
}

it("does not take a typed array that this platform has not", () => {
  expect(() => parseGraph('[["Int7Array",""]]')).toThrow("The stored result is malformed");
});

describe("refuses a text that it did not write", () => {
  it.each([
    "",
    "null",
    "{}",
    "true",
    '"0"',
    "0",
    "5",
    "-6",
    "-1.5",
    "[]",
    "[[]]",
    "[{}]",
    "[[null]]",
    '[["Nonsense"]]',
    '[["Nonsense",""]]',
    '[["constructor",""]]',
    '[["__proto__",""]]',
    '[["Function","cmV0dXJuIDE="]]',
    '[["Int7Array",""]]',
    '[["Uint8Array"]]',
    '[["Uint8Array",null]]',
    '[["Uint8Array",1234]]',
    '[["Uint8Array","?"]]',
    '[["Uint16Array","AQ=="]]',
    '[[["Uint8Array"],"AQ=="]]',
    '[["Array",1]]',
    '[["Array",-6]]',
    '[["Array","0"]]',
    '[["Array",0.5]]',
    '[["Array",null]]',
    '[["Array",[0]]]',
    '[["Set",7]]',
    '[["Map",0]]',
    '[["Map",0,1]]',
    '[["Object","a"]]',
    '[["Object",1,0]]',
    '[["Object",null,0]]',
    '[["Null","a",9]]',
    '[["Sparse"]]',
    '[["Sparse",-1]]',
    '[["Sparse",1.5]]',
    '[["Sparse","1"]]',
    '[["Sparse",null]]',
    '[["Sparse",1,"length",-1]]',
    '[["Date"]]',
    '[["Date","2026-01-01"]]',
    '[["Date",[0]]]',
    '[["BigInt"]]',
    '[["BigInt",5]]',
    '[["BigInt",["5"]]]',
    '[["BigInt","0x10"]]',
    '[["BigInt",""]]',
    '[["BigInt","1.5"]]',
  ])("%s", text => {
    expect(() => parseGraph(text)).toThrow();
  });

  it("however it is cut short", () => {
    const text = stringifyGraph([undefined, { a: new Map([[1n, new Date(0)]]) }, Uint8Array.of(1, 2)]);
    for (let length = 0; length < text.length; length += 1) {
      expect(() => parseGraph(text.slice(0, length)), text.slice(0, length)).toThrow();
    }
  });

  it("or reads it as data, whatever it is", () => {
    const kind = fc.constantFrom(
      "Object",
      "Null",
      "Array",
      "Sparse",
      "Map",
      "Set",
      "Date",
      "BigInt",
      "Int8Array",
    );
    const key = fc.constantFrom("__proto__", "constructor", "prototype", "length", "0", "polluted");
    const content = fc.array(fc.oneof(fc.integer({ min: -6, max: 3 }), key, fc.jsonValue()), {
      maxLength: 5,
    });
    const node = fc.oneof(
      fc.tuple(kind, content).map(([name, rest]) => [name, ...rest]),
      fc.jsonValue(),
    );
    const before = Object.getOwnPropertyNames(Object.prototype).join();
    fc.assert(
      fc.property(fc.array(node, { maxLength: 4 }), nodes => {
        try {
          parseGraph(JSON.stringify(nodes));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
        expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
        expect(Object.getPrototypeOf({})).toBe(Object.prototype);
      }),
      { numRuns: 2_000 },
    );
  });
});
