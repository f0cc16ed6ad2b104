import { describe, expect, it } from "vitest";
import { fingerprint } from "../../../src/contract/fingerprint.ts";
import { DEFAULTS, type Options, readOptions } from "../../../src/contract/options.ts";
import { memoryStore } from "../../../src/stores/memory/store.ts";
import { caught } from "../../support/caught.ts";

const read = (options: unknown) => readOptions(options as Options, DEFAULTS);

it("has the defaults that the docs name", () => {
  expect(readOptions(undefined, DEFAULTS)).toEqual({
    leaseMs: 30_000,
    onConflict: "wait",
    waitMs: 35_000,
    onUncertain: "reject",
    onStoreError: "throw",
    storeTimeoutMs: 5_000,
    maxResultBytes: 1_048_576,
    redactKeys: false,
  });
  expect(read({})).toEqual(DEFAULTS);
});

it("takes every option", () => {
  const onError = () => "hold" as const;
  const onResult = () => "release" as const;
  const onEvent = () => {};
  const store = memoryStore();
  const serializer = { stringify: String, parse: (text: string) => text };
  const { signal } = new AbortController();
  const given: Options = {
    store,
    lease: "1m",
    onConflict: "reject",
    waitTimeout: { seconds: 0 },
    onUncertain: "rerun",
    onError,
    onResult,
    maxResultBytes: 10,
    onStoreError: "run",
    storeTimeout: { value: 2, unit: "seconds" },
    fingerprint: { to: "ada" },
    serializer,
    signal,
    onEvent,
    redactKeys: true,
  };
  expect(read(given)).toEqual({
    store,
    leaseMs: 60_000,
    onConflict: "reject",
    waitMs: 0,
    onUncertain: "rerun",
    onError,
    onResult,
    maxResultBytes: 10,
    onStoreError: "run",
    storeTimeoutMs: 2_000,
    fingerprint: fingerprint({ to: "ada" }),
    serializer,
    signal,
    onEvent,
    redactKeys: true,
  });
  expect(read(given).store).toBe(store);
});

it("lays what is given over what stands, and leaves that as it was", () => {
  const base = Object.freeze({ ...DEFAULTS, leaseMs: 1_000, onConflict: "reject" as const });
  expect(readOptions({ lease: "2s", onConflict: undefined }, base)).toEqual({ ...base, leaseMs: 2_000 });
  expect(readOptions(undefined, base)).toBe(base);
});

it.each([[null], [0], [""], [false]])("takes %j for a fingerprint", data => {
  expect(read({ fingerprint: data }).fingerprint).toBe(fingerprint(data));
});

it("takes no fingerprint for none", () => {
  expect(read({ fingerprint: undefined }).fingerprint).toBeUndefined();
});

describe("bounds", () => {
  it.each([
    ["lease", "1s", { leaseMs: 1_000 }],
    ["lease", "1.001s", { leaseMs: 1_001 }],
    ["lease", "24h", { leaseMs: 86_400_000 }],
    ["waitTimeout", "0s", { waitMs: 0 }],
    ["waitTimeout", "24h", { waitMs: 86_400_000 }],
    ["storeTimeout", "0s", { storeTimeoutMs: 0 }],
    ["storeTimeout", "0.001s", { storeTimeoutMs: 1 }],
    ["storeTimeout", "24h", { storeTimeoutMs: 86_400_000 }],
  ])("%s takes %s", (name, value, settings) => {
    expect(read({ [name]: value })).toMatchObject(settings);
  });

  it.each([
    ["lease", "0.999s", "1 s to 24 h (1000 to 86400000 ms)"],
    ["lease", "0s", "1 s to 24 h (1000 to 86400000 ms)"],
    ["lease", "86400.001s", "1 s to 24 h (1000 to 86400000 ms)"],
    ["waitTimeout", "86400.001s", "0 s to 24 h (0 to 86400000 ms)"],
    ["storeTimeout", "25h", "0 s to 24 h (0 to 86400000 ms)"],
    ["onUncertain.rerunWithin", "0.999s", "1 s to 24 h (1000 to 86400000 ms)"],
    ["onUncertain.rerunWithin", "25h", "1 s to 24 h (1000 to 86400000 ms)"],
  ])("%s does not take %s", (name, value, bounds) => {
    const given = name.endsWith("rerunWithin") ? { onUncertain: { rerunWithin: value } } : { [name]: value };
    const { message } = caught(() => read(given), "DURATION_OUT_OF_RANGE");
    expect(message).toBe(`${name}: expected from ${bounds}; got "${value}"`);
  });

  it.each(["lease", "waitTimeout", "storeTimeout"])("%s takes no bare number", name => {
    const { message } = caught(() => read({ [name]: 5_000 }), "INVALID_DURATION");
    expect(message).toMatch(
      new RegExp(`^${name}: expected a duration such as .*; got 5000 \\(a number needs a unit\\)$`),
    );
  });
});

describe("maxResultBytes", () => {
  it.each([1, 2, Number.MAX_SAFE_INTEGER])("takes %d", maxResultBytes => {
    expect(read({ maxResultBytes })).toMatchObject({ maxResultBytes });
  });

  it.each<[unknown, string]>([
    [0, "0"],
    [-1, "-1"],
    [1.5, "1.5"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [2 ** 53, "9007199254740992"],
    ["5", '"5"'],
    [5n, "5n"],
    [null, "null"],
  ])("does not take %s", (maxResultBytes, got) => {
    const { message } = caught(() => read({ maxResultBytes }), "INVALID_OPTION");
    expect(message).toBe(`maxResultBytes: expected a whole number from 1; got ${got}`);
  });
});

const STORE = "claim, renew, complete, release, read, settle, reopen, forget";

describe("refuses", () => {
  it.each([
    [{ store: null }, `store: expected an IdempotencyStore; got null without ${STORE}`],
    [
      { store: new Map() },
      "store: expected an IdempotencyStore; got an object with no keys without claim, renew",
    ],
    [
      { store: { claim() {} } },
      "got an object with claim without renew, complete, release, read, settle, reopen, forget",
    ],
    [{ onConflict: "throw" }, 'onConflict: expected "wait" or "reject"; got "throw"'],
    [
      { onUncertain: "run" },
      'onUncertain: expected "reject", "rerun" or { rerunWithin: a duration }; got "run"',
    ],
    [{ onUncertain: null }, "{ rerunWithin: a duration }; got null"],
    [{ onUncertain: {} }, "{ rerunWithin: a duration }; got an object with no keys"],
    [{ onUncertain: { rerunWithin: "1h", within: "1h" } }, "got an object with rerunWithin, within"],
    [{ onStoreError: true }, 'onStoreError: expected "throw" or "run"; got true'],
    [{ onError: "hold" }, 'onError: expected a function; got "hold"'],
    [{ onEvent: null }, "onEvent: expected a function; got null"],
    [{ redactKeys: 1 }, "redactKeys: expected true or false; got 1"],
    [
      { serializer: JSON.stringify },
      "serializer: expected { stringify, parse }; got a function without stringify, parse",
    ],
    [{ serializer: { stringify: String } }, "got an object with stringify without parse"],
    [{ signal: {} }, "signal: expected an AbortSignal; got an object with no keys without addEventListener"],
    [{ signal: new AbortController() }, "signal: expected an AbortSignal; got an object with no keys"],
    [{ signal: new EventTarget() }, "signal: expected an AbortSignal; got an object with no keys"],
    [{ fingerprint: () => 1 }, "fingerprint: expected plain data; got a function"],
    [{ ttl: "5s" }, "options: expected one of store, lease, onConflict, waitTimeout, onUncertain, onError, "],
    [{ Lease: "5s" }, 'got "Lease"'],
    [[], "options: expected a plain object; got an empty array"],
    [null, "options: expected a plain object; got null"],
    ["5s", 'options: expected a plain object; got "5s"'],
  ])("case %#: %j", (options, message) => {
    expect(caught(() => read(options), "INVALID_OPTION").message).toContain(message);
  });

  it("takes a JSON-like serializer", () => {
    expect(read({ serializer: JSON }).serializer).toBe(JSON);
  });
});
