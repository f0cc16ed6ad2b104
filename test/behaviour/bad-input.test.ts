import { describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore, withIdempotency } from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";
import { rejection, unhandledDuring } from "../support/calls.ts";

/** What a call with that input rejects with, having asked nothing of the store and run nothing. */
async function refused({ key = "k", ttl = "1h", fn, options = {} }: Record<string, unknown>) {
  const store = faultyStore(memoryStore());
  const run = fn === undefined ? vi.fn() : fn;
  const given = typeof options === "object" && options !== null && !Array.isArray(options);
  const all = given ? { store, ...options } : options;
  const error = await rejection(withIdempotency(key as "k", ttl as "1h", run as () => void, all as object));
  const executed = await rejection(
    createIdempotency({ store }).execute(key as "k", ttl as "1h", run as () => void, options as object),
  );
  expect(executed).toEqual(error);
  expect(store.calls).toEqual([]);
  if (fn === undefined) expect(run).not.toHaveBeenCalled();
  return error as Error & { code: string; name: string };
}

describe("a bad key", () => {
  const keys: [unknown, string][] = [
    ["", '""'],
    [" \t\n", "nothing but white space"],
    [[], "an empty array"],
    [["a", ""], "an empty string as part 1"],
    [["a", null], "null as part 1"],
    [["a", undefined], "undefined as part 1"],
    [["a", Number.NaN], "NaN as part 1"],
    [["a", Number.POSITIVE_INFINITY], "Infinity as part 1"],
    [["a", ["b"]], "an array of 1 as part 1"],
    [["a", {}], "an object with no keys as part 1"],
    [new Array(2), "undefined as part 0"],
    [[" ", " "].slice(0, 1), "nothing but white space"],
    ["a\ud800", '"a\\ud800", which has a lone surrogate: not well-formed Unicode'],
    [["a", "\udc00"], '"a:\\udc00", which has a lone surrogate: not well-formed Unicode'],
    [undefined, "undefined"],
    [null, "null"],
    [42, "42"],
    [true, "true"],
    [{ id: 1 }, "an object with id"],
    [() => "k", "a function"],
  ];

  it.each(keys)("%j is INVALID_KEY", async (key, shown) => {
    const error = await refused({ key: key === undefined ? null : key });
    expect(error).toMatchObject({ name: "InvalidKeyError", code: "INVALID_KEY" });
    const expected =
      'key: expected a non-empty string, or an array of strings and numbers such as ["order", 42]';
    expect(error.message).toBe(`${expected}; got ${key === undefined ? "null" : shown}`);
  });

  it("is also none at all", async () => {
    expect(await rejection(withIdempotency(undefined as never, "1h", () => 1))).toMatchObject({
      code: "INVALID_KEY",
    });
  });
});

describe("a bad ttl", () => {
  it.each([
    [3600, "a number needs a unit"],
    ["", '""'],
    ["1", '"1"'],
    ["5x", 'unknown unit "x"'],
    ["-1h", '"-1h"'],
    ["1e3s", '"1e3s"'],
    ["30m1h", "largest unit first"],
    ["1h1h", "each unit once"],
    [null, "null"],
    [{}, "an object with no keys"],
    [{ hours: Number.NaN }, "NaN"],
    [[], "an empty array"],
  ])("%j is INVALID_DURATION", async (ttl, shown) => {
    const error = await refused({ ttl });
    expect(error).toMatchObject({ name: "InvalidDurationError", code: "INVALID_DURATION" });
    expect(error.message).toMatch(/^ttl: expected a duration such as "30s", /);
    expect(error.message).toContain(shown);
  });

  it.each(["999ms", "0s", "0.999s", "24.0001h", "86401s", "2d"])("%s is out of range, or none", async ttl => {
    const error = await refused({ ttl });
    const isNone = ttl.endsWith("ms");
    expect(error.code).toBe(isNone ? "INVALID_DURATION" : "DURATION_OUT_OF_RANGE");
    if (!isNone) {
      expect(error.message).toBe(`ttl: expected from 1 s to 24 h (1000 to 86400000 ms); got "${ttl}"`);
    }
  });

  it("is remembered as little as a good one hides it", async () => {
    const { execute } = createIdempotency({ store: memoryStore() });
    expect(await execute("k", "1h", () => 1)).toMatchObject({ value: 1 });
    expect(await rejection(execute("k", "25h" as "1h", () => 1))).toMatchObject({
      code: "DURATION_OUT_OF_RANGE",
    });
    expect(await rejection(execute("k", "25h" as "1h", () => 1))).toMatchObject({
      code: "DURATION_OUT_OF_RANGE",
    });
    expect(await execute("k", "1h", () => 1)).toMatchObject({ value: 1 });
  });

  it("is seen in an object that was good before", async () => {
    const { execute } = createIdempotency({ store: memoryStore() });
    const ttl = { minutes: 1 };
    await execute("a", ttl, () => 1);
    ttl.minutes = 0;
    expect(await execute("b", ttl, () => 1).catch(error => error.code)).toBe("DURATION_OUT_OF_RANGE");
  });

  it.each(["1s", "24h", "86400s", "1 day"] as const)("is not %s, a bound", async ttl => {
    expect(await withIdempotency(`bound ${ttl}`, ttl, () => 1, { store: memoryStore() })).toBe(1);
  });
});

describe("a bad option", () => {
  const { claim, renew, complete, release, read, settle, reopen, forget } = faultyStore(memoryStore());
  const methods = { claim, renew, complete, release, read, settle, reopen, forget };
  const options: [string, unknown, string][] = [
    ["options", null, "expected a plain object; got null"],
    ["options", "1h", 'expected a plain object; got "1h"'],
    ["options", [], "expected a plain object; got an empty array"],
    [
      "options",
      { onConflcit: "wait" },
      /^expected one of store, lease, .*, redactKeys; got "onConflcit"$/.source,
    ],
    ["onConflict", "queue", 'expected "wait" or "reject"; got "queue"'],
    ["onUncertain", "run", 'expected "reject", "rerun" or { rerunWithin: a duration }; got "run"'],
    ["onStoreError", true, 'expected "throw" or "run"; got true'],
    ["onError", "release", 'expected a function; got "release"'],
    ["onEvent", {}, "expected a function; got an object with no keys"],
    [
      "signal",
      {},
      "expected an AbortSignal; got an object with no keys without addEventListener, removeEventListener",
    ],
    ["signal", new EventTarget(), "expected an AbortSignal; got an object with no keys"],
    ["signal", null, "expected an AbortSignal; got null without addEventListener, removeEventListener"],
    ["serializer", JSON.stringify, "expected { stringify, parse }; got a function without stringify, parse"],
    [
      "serializer",
      { stringify: JSON.stringify },
      "expected { stringify, parse }; got an object with stringify without parse",
    ],
    [
      "store",
      "redis",
      'expected an IdempotencyStore; got "redis" without claim, renew, complete, release, read, settle, reopen, forget',
    ],
    ["store", { ...methods, forget: undefined }, "without forget"],
    ["store", { ...methods, reopen: undefined }, "without reopen"],
  ];

  it.each(options)("%s: %j", async (name, value, message) => {
    const error = await refused({ options: name === "options" ? value : { [name]: value } });
    expect(error).toMatchObject({ name: "InvalidOptionError", code: "INVALID_OPTION" });
    expect(error.message.startsWith(`${name}: `)).toBe(true);
    const shown = error.message.slice(name.length + 2);
    if (message.startsWith("^")) expect(shown).toMatch(new RegExp(message));
    else if (message.startsWith("without")) expect(shown).toMatch(new RegExp(`${message}$`));
    else expect(shown).toBe(message);
  });

  it("is a promise of options, which would leave the store unused", async () => {
    const run = vi.fn();
    const options = Promise.resolve({ store: memoryStore() });
    expect(await rejection(withIdempotency("k", "1h", run, options as object))).toMatchObject({
      code: "INVALID_OPTION",
      message: "options: expected a plain object; got a promise",
    });
    expect(run).not.toHaveBeenCalled();
  });

  it.each(Object.keys(methods))("a store without %s", async method => {
    const error = await refused({ options: { store: { ...methods, [method]: "no function" } } });
    expect(error.code).toBe("INVALID_OPTION");
    expect(error.message).toMatch(
      new RegExp(`^store: expected an IdempotencyStore; got an object with .* without ${method}$`),
    );
  });

  it.each([
    ["lease", "0s", "DURATION_OUT_OF_RANGE", "lease: expected from 1 s to 24 h"],
    ["lease", "0.9995s", "DURATION_OUT_OF_RANGE", "lease: expected from 1 s to 24 h"],
    ["lease", 30, "INVALID_DURATION", "lease: expected a duration"],
    ["waitTimeout", "25h", "DURATION_OUT_OF_RANGE", "waitTimeout: expected from 0 s to 24 h"],
    ["waitTimeout", 0, "INVALID_DURATION", "waitTimeout: expected a duration"],
    ["storeTimeout", "2 days", "DURATION_OUT_OF_RANGE", "storeTimeout: expected from 0 s to 24 h"],
    ["storeTimeout", "-1s", "INVALID_DURATION", "storeTimeout: expected a duration"],
  ])("%s: %j", async (name, value, code, message) => {
    const error = await refused({ options: { [name]: value } });
    expect(error.code).toBe(code);
    expect(error.message.startsWith(message)).toBe(true);
  });

  it("is not one that is undefined", async () => {
    const options = { store: memoryStore(), lease: undefined, onConflict: undefined, signal: undefined };
    expect(await withIdempotency("k", "1h", () => 1, options)).toBe(1);
    expect(
      await withIdempotency("k", "1h", () => 2, { ...options, settled: undefined } as never).catch(
        e => e.code,
      ),
    ).toBe("INVALID_OPTION");
  });

  it("is a fingerprint of what is no plain data", async () => {
    const error = await refused({ options: { fingerprint: () => {} } });
    expect(error.code).toBe("INVALID_OPTION");
    expect(error.message).toMatch(/^fingerprint: /);
  });
});

describe("a bad fn", () => {
  it.each([
    ["text", '"text"'],
    [{}, "an object with no keys"],
    [null, "null"],
  ])("%j is INVALID_OPTION", async (fn, shown) => {
    expect(await refused({ fn })).toMatchObject({
      code: "INVALID_OPTION",
      message: `fn: expected a function; got ${shown}`,
    });
  });
});

describe("a promise where a value is expected", () => {
  const failed = async (): Promise<never> => {
    throw new Error("nobody's");
  };

  it.each([
    ["a key", () => withIdempotency(failed() as never, "1h", () => 1), "INVALID_KEY"],
    ["a part of a key", () => withIdempotency(["user", failed() as never], "1h", () => 1), "INVALID_KEY"],
    [
      "an option",
      () => withIdempotency("k", "1h", () => 1, { onConflict: failed() as never }),
      "INVALID_OPTION",
    ],
    ["fn", () => withIdempotency("k", "1h", failed() as never), "INVALID_OPTION"],
    [
      "a fingerprint",
      () => withIdempotency("k", "1h", () => 1, { fingerprint: failed() as never }),
      "INVALID_OPTION",
    ],
    [
      "what makes a key",
      () => createIdempotency().makeIdempotent(() => 1, { key: failed as never, ttl: "1h" })(),
      "INVALID_KEY",
    ],
  ])("as %s is refused, and what it rejects with is nobody's", async (_what, act, code) => {
    const unhandled = await unhandledDuring(async () => {
      const error = await rejection(act());
      expect(error).toMatchObject({ code, message: expect.stringMatching(/got a (promise|Promise)/) });
    });
    expect(unhandled).toEqual([]);
  });

  it("as a serializer's text is not stored, and what it rejects with is nobody's", async () => {
    const { execute } = createIdempotency({ store: memoryStore() });
    const serializer = { stringify: failed as never, parse: JSON.parse };
    const unhandled = await unhandledDuring(async () => {
      const answer = await execute("k", "1h", () => "sent", { serializer });
      expect(answer).toMatchObject({ value: "sent", persisted: false });
    });
    expect(unhandled).toEqual([]);
  });
});
