import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore, withIdempotency } from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";
import { pass, rejection } from "../support/calls.ts";

describe("a result", () => {
  const cycle: { self?: unknown; list: unknown[] } = { list: [] };
  cycle.self = cycle;
  cycle.list.push(cycle.list);
  const results: [string, unknown][] = [
    ["undefined", undefined],
    ["null", null],
    ["NaN", Number.NaN],
    ["-0", -0],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["an empty string", ""],
    ["text with a NUL, a lone surrogate and an emoji", "\0\ud800😀"],
    ["a BigInt", 2n ** 80n],
    ["a Date", new Date(1)],
    ["an invalid Date", new Date(Number.NaN)],
    ["a Map and a Set", new Map<unknown, unknown>([[{ a: 1 }, new Set([1, undefined])]])],
    ["typed arrays", [new Uint8Array([1, 2]), new Float64Array([-0, Number.NaN]), new BigInt64Array([1n])]],
    ["a cycle", cycle],
    ["an object with undefined in it", { a: undefined, b: [undefined, -0] }],
    ["1 MiB of text, its quotes included", "x".repeat(1_048_574)],
    ["an own property __proto__", JSON.parse('{"__proto__":{"admin":true},"constructor":1}')],
    ["what looks like a record of ours", "~1n\n"],
  ];

  it.each(results)("comes back as it was, to the first and to every other call: %s", async (_name, value) => {
    const { execute } = createIdempotency({ store: faultyStore(memoryStore()) });
    const fn = vi.fn(async () => value);
    const outcomes = await Promise.all([execute("k", "1h", fn), execute("k", "1h", fn)]);
    outcomes.push(await execute("k", "1h", fn));
    expect(outcomes.map(({ replayed, persisted }) => [replayed, persisted])).toEqual([
      [false, true],
      [true, true],
      [true, true],
    ]);
    expect(outcomes[0]!.value).toBe(value);
    for (const outcome of outcomes) expect(outcome.value).toStrictEqual(value);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it.each([null, undefined, "", 0, { then: "no function" }])("may come at once: %j", async value => {
    const { withIdempotency: once } = createIdempotency({ store: memoryStore() });
    expect(await once("k", "1h", () => value)).toBe(value);
    expect(await once("k", "1h", () => "again")).toEqual(value);
  });

  it("may be promised by a function with a then", async () => {
    const { withIdempotency: once } = createIdempotency({ store: memoryStore() });
    const promise = Object.assign(() => {}, { then: (resolve: (value: string) => void) => resolve("sent") });
    expect(await once("k", "1h", () => promise as unknown as PromiseLike<string>)).toBe("sent");
    expect(await once("k", "1h", () => "again")).toBe("sent");
  });

  it("is what it was when fn completed, whatever the first caller makes of it", async () => {
    const { withIdempotency: once } = createIdempotency({ store: memoryStore() });
    const first = await once("k", "1h", () => new Map([["tags", ["a"]]]));
    first.get("tags")?.push("mutated");
    expect(await once("k", "1h", () => new Map())).toEqual(new Map([["tags", ["a"]]]));
  });
});

describe("a result that cannot be stored", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  class Receipt {
    id = 1;
  }
  const unstorable: [string, () => unknown][] = [
    ["a function", () => () => 1],
    ["an instance of a class", () => new Receipt()],
    ["a symbol", () => Symbol("s")],
    [
      "an object with a throwing getter",
      () =>
        Object.defineProperty({}, "x", {
          get: () => {
            throw new Error("no");
          },
          enumerable: true,
        }),
    ],
    [
      "an object whose toJSON throws",
      () => ({
        toJSON: () => {
          throw new Error("no");
        },
      }),
    ],
  ];

  it.each(unstorable)("completes the key: %s", async (_name, make) => {
    const { execute } = createIdempotency({ store: faultyStore(memoryStore()) });
    const value = make();
    const fn = vi.fn(() => value);
    const outcome = await execute("k", "1m", fn);
    expect(outcome.value).toBe(value);
    expect(outcome).toMatchObject({ replayed: false, persisted: false, attempt: 1 });
    expect(await rejection(execute("k", "1m", fn))).toMatchObject({ code: "RESULT_UNAVAILABLE", key: "k" });
    await pass(59_999);
    expect(await rejection(execute("k", "1m", fn))).toMatchObject({ code: "RESULT_UNAVAILABLE" });
    expect(fn).toHaveBeenCalledTimes(1);
    await pass(1);
    expect((await execute("k", "1m", fn)).value).toBe(value);
  });

  it("is also one whose serializer throws, or gives no text", async () => {
    for (const stringify of [
      () => {
        throw new Error("no");
      },
      () => undefined as unknown as string,
    ]) {
      const store = memoryStore();
      const serializer = { stringify, parse: (text: string): unknown => text };
      const fn = vi.fn(() => "sent");
      const { execute } = createIdempotency({ store, serializer });
      expect(await execute("k", "1h", fn)).toMatchObject({ value: "sent", persisted: false });
      expect(await rejection(execute("k", "1h", fn))).toMatchObject({ code: "RESULT_UNAVAILABLE" });
      expect(fn).toHaveBeenCalledTimes(1);
    }
  });
});

describe("a stored result that cannot be read back", () => {
  const foreign = [
    ["cut short", '{"id":1'],
    ["empty", ""],
    ["of another package", "O:8:stdClass\n"],
    ["of a newer form", "~2g[1]\n"],
    ["of an unknown kind", "~1z1\n"],
    ["of a broken graph", "~1g[[\n"],
  ] as const;

  it.each(foreign)("is a typed error and never runs: %s", async (_name, outcome) => {
    const store = memoryStore();
    store.claim("k", { token: "other", ttlMs: 60_000, leaseMs: 1_000 });
    store.complete("k", "other", outcome, 60_000);
    const fn = vi.fn();
    const error = await rejection(withIdempotency("k", "1h", fn, { store }));
    expect(error).toMatchObject({ name: "ResultUnavailableError", code: "RESULT_UNAVAILABLE", key: "k" });
    expect(fn).not.toHaveBeenCalled();
  });

  it("is also one whose serializer throws or is not given", async () => {
    const store = memoryStore();
    const serializer = {
      stringify: JSON.stringify,
      parse: (): unknown => {
        throw new Error("no");
      },
    };
    const fn = vi.fn(() => 1);
    await withIdempotency("k", "1h", fn, { store, serializer });
    for (const options of [{ store, serializer }, { store }]) {
      expect(await rejection(withIdempotency("k", "1h", fn, options))).toMatchObject({
        code: "RESULT_UNAVAILABLE",
      });
    }
    expect(fn).toHaveBeenCalledTimes(1);
  });
});
