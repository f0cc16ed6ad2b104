import { isDeepStrictEqual } from "node:util";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  createIdempotency,
  fingerprint,
  memoryStore,
  parseDuration,
  withIdempotency,
} from "../../src/index.ts";
import { decodeOutcome, encodeError, encodeResult } from "../../src/results/outcome-text.ts";
import { rejection } from "../support/calls.ts";
import { caught } from "../support/caught.ts";
import { patched } from "../support/patched.ts";
import { disguised } from "../support/unstorable.ts";

const encode = (value: unknown) => encodeResult(value, undefined);
const decode = (text: string) => decodeOutcome(text, undefined, "k");

function through(value: unknown): unknown {
  const { text, failure } = encode(value);
  expect(failure).toBeUndefined();
  return decode(text);
}

afterEach(() => void vi.unstubAllGlobals());

describe("a large result (section 9)", () => {
  it("of few objects that share is no longer than they are", () => {
    let shared: unknown[] = [];
    for (let i = 0; i < 22; i += 1) shared = [shared, shared];
    expect(encode(shared).text.length).toBeLessThan(1_000);
  });

  it("may be refused by its bytes", () => {
    expect(encodeResult("é".repeat(10), undefined, 22)).toEqual({ text: `"${"é".repeat(10)}"` });
    const { text, failure } = encodeResult("é".repeat(10), undefined, 21);
    expect(failure?.error).toEqual(
      new RangeError("it takes more than 21 bytes (`maxResultBytes`, or the store's limit)"),
    );
    expect(caught(() => decode(text), "RESULT_UNAVAILABLE").message).toContain(
      "its result was not stored: it takes more than 21 bytes (`maxResultBytes`",
    );
  });
});

const views = [
  "Int8",
  "Uint8",
  "Uint8Clamped",
  "Int16",
  "Uint16",
  "Int32",
  "Uint32",
  "Float32",
  "Float64",
  "BigInt64",
  "BigUint64",
];

describe.each([["with Buffer"], ["without Buffer, btoa and atob"]])("bytes of every kind, %s", how => {
  it.each(views)("%sArray comes back", name => {
    const View = (globalThis as unknown as Record<string, Uint8ArrayConstructor>)[`${name}Array`]!;
    const memory = Uint8Array.from({ length: 80 }, (_, i) => i * 3).buffer;
    const values = [new View(memory, 8, 3), new View(0), new View(memory)];
    if (how.startsWith("without")) for (const it of ["Buffer", "btoa", "atob"]) vi.stubGlobal(it, undefined);
    const back = through(values) as Uint8Array[];
    vi.unstubAllGlobals();
    expect(isDeepStrictEqual(back, values)).toBe(true);
    // Not a part of memory that others share.
    expect(back[0]!.buffer.byteLength).toBe(back[0]!.byteLength);
  });
});

describe("patched prototypes change nothing", () => {
  const values: [string, unknown][] = [
    ["plain JSON", { list: [1, { a: "x" }], "odd key": null }],
    ["data of every kind", [new Date(5), new Map([[1, new Set([2n])]]), Uint8Array.of(1), undefined, -0]],
    ["holes", Object.assign(new Array(3), { 1: -0 })],
    ["data of another realm", runInNewContext("({ list: [1, { a: [] }] })")],
  ];
  it.each(values)("toJSON on every class: %s", (_, value) => {
    const plain = encode(value).text;
    const given = patched(() => encode(value));
    expect(given).toEqual({ text: plain });
    expect(
      isDeepStrictEqual(
        patched(() => decode(plain)),
        decode(plain),
      ),
    ).toBe(true);
    const before = fingerprint(value);
    expect(patched(() => fingerprint(value))).toBe(before);
  });

  it("toJSON in another realm only", () => {
    const value = runInNewContext(
      "Object.prototype.toJSON = Array.prototype.toJSON = () => 'patched'; ({ list: [1, {}] })",
    );
    expect(encode(value)).toEqual({ text: '{"list":[1,{}]}' });
  });

  it("nor does what a library adds by assignment, which a loop over keys finds", () => {
    Object.assign(Object.prototype, { added: () => 1 });
    try {
      expect(encode({ a: [{}] })).toEqual({ text: '{"a":[{}]}' });
      expect(encode([undefined, {}]).failure).toBeUndefined();
    } finally {
      Reflect.deleteProperty(Object.prototype, "added");
    }
  });

  it("of errors that are kept, of keys and of durations neither", async () => {
    const error = Object.assign(new RangeError("no"), { code: 7 });
    expect(patched(() => encodeError(error))).toBe(encodeError(error));
    expect(patched(() => parseDuration({ hours: 1 }))).toBe(3_600_000);
    const store = memoryStore();
    await patched(() => withIdempotency(["order", 42n], "1h", () => "sent", { store }));
    expect(await withIdempotency("order:42", "1h", () => "again", { store })).toBe("sent");
  });
});

describe("what is not what it looks like", () => {
  it.each(disguised)("$what is not stored, and not altered", async ({ make }) => {
    const { execute } = createIdempotency({ store: memoryStore() });
    const value = { in: make() };
    const first = await execute("k", "1h", () => value);
    expect(first).toMatchObject({ persisted: false, replayed: false });
    expect(first.value).toBe(value);
    const error = await rejection(execute("k", "1h", () => value));
    expect(error).toMatchObject({ code: "RESULT_UNAVAILABLE" });
    expect((error as Error).message).toContain("result.in: ");
    caught(() => fingerprint(value), "INVALID_OPTION");
  });
});

describe("a result that cannot be stored says why", () => {
  class Account {}
  it.each<[string, unknown]>([
    ["result.body: a ReadableStream", { status: 200, body: new ReadableStream() }],
    ["result: a Response", new Response("x")],
    ["result: a function", () => 1],
    ["result[2].send: a function", [1, undefined, { send() {} }]],
    ['result["odd key"]: an Account', { "odd key": new Account() }],
    ["result[0]: Symbol(s)", [Symbol("s")]],
    ['result.byId.get("u1").on: a function', { byId: new Map([["u1", { on() {} }]]) }],
    ["result (a key: an object with no keys): an Account", new Map([[new Account(), 1]])],
    ["result[1]: a WeakMap", new Set<unknown>([1, new WeakMap()])],
    ["result.e: an Error", { e: Object.setPrototypeOf(new Error("x"), Object.prototype) }],
    ["result.m: a Map that is more than plain data", { m: Object.assign(new Map(), { a: 1 }) }],
    [
      "result.x: an object that cannot be read",
      {
        x: Object.defineProperty({}, "y", {
          enumerable: true,
          get: () => {
            throw new Error("no");
          },
        }),
      },
    ],
    ["result[3].a: a Promise", Object.assign(new Array(5), { 3: { a: Promise.resolve() } })],
  ])("%s", async (why, value) => {
    expect(encode(value).failure).toMatchObject({ error: { message: why } });
    const { execute } = createIdempotency({ store: memoryStore() });
    await execute("k", "1h", () => value);
    const { message } = (await rejection(execute("k", "1h", () => value))) as Error;
    expect(message).toBe(
      `The run with this key completed, but it could not be stored faithfully (${why}). It will not run again.`,
    );
  });

  it("in few words, however deep it stands", () => {
    let value: unknown = () => 1;
    for (let i = 0; i < 100_000; i += 1) value = { in: value };
    const { message } = encode(value).failure!.error as Error;
    expect(message).toMatch(/^result…(n|in|\.in)(\.in)+: a function$/);
    expect(message.length).toBeLessThan(300);
  });
});

it("reads what 0.1.0 stored", () => {
  const text =
    '~1g[["Object","d",1,"m",2,"s",6,"u",7,"n",8,"none",-1,"list",9,"self",0],["Date",5],["Map",3,4],"a",["Null","z",5],-3,["Set",5,3],["Uint8Array","AQI="],["BigInt","-7"],["Sparse",3,"1",5]]\n';
  const value = decode(text) as { self: unknown };
  expect(value.self).toBe(value);
  const { self, ...rest } = value;
  const z = Object.assign(Object.create(null), { z: -3 });
  expect(
    isDeepStrictEqual(rest, {
      d: new Date(5),
      m: new Map([["a", z]]),
      s: new Set<unknown>([-3, "a"]),
      u: Uint8Array.of(1, 2),
      n: -7n,
      none: undefined,
      list: Object.assign(new Array(3), { 1: -3 }),
    }),
  ).toBe(true);
});
