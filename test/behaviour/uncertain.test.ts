import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createIdempotency,
  type ErrorPolicy,
  type Execution,
  memoryStore,
  type Options,
} from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";
import { pass, recorder, rejection, turn } from "../support/calls.ts";

const inTransit = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function failing(error: unknown, options: Options = {}) {
  const { onEvent, of } = recorder();
  const instance = createIdempotency({ store: faultyStore(memoryStore()), onEvent });
  const keys: string[] = [];
  const fail = (more: Options = options) =>
    rejection(
      instance.execute(
        "k",
        "1m",
        async ({ idempotencyKey }) => {
          keys.push(idempotencyKey);
          await Promise.resolve();
          throw error;
        },
        more,
      ),
    );
  return { ...instance, fail, keys, of };
}

describe("an error after which the request may have arrived", () => {
  it("reaches the caller as it is, and makes the key uncertain for ttl", async () => {
    const { fail, execute, keys, of } = failing(inTransit);
    expect(await fail()).toBe(inTransit);
    expect(of("failed")).toMatchObject([
      { type: "failed", key: "k", attempt: 1, error: inTransit, policy: "hold" },
    ]);
    await pass(20_000);
    const fn = vi.fn(({ idempotencyKey, attempt }) => [idempotencyKey, attempt] as const);
    const error = await rejection(execute("k", "1m", fn));
    expect(error).toMatchObject({
      name: "OutcomeUnknownError",
      code: "OUTCOME_UNKNOWN",
      key: "k",
      attempt: 1,
      retryAfterMs: 40_000,
    });
    expect((error as Error).message).toMatch(/nobody knows .*`resolve` or `reopen`.*onUncertain: "rerun"/);
    expect(of("refused")).toMatchObject([{ type: "refused", key: "k", code: "OUTCOME_UNKNOWN" }]);
    await pass(39_999);
    await rejection(execute("k", "1m", fn));
    expect(fn).not.toHaveBeenCalled();
    await pass(1);
    const [key, attempt] = (await execute("k", "1m", fn)).value;
    expect(attempt).toBe(1);
    expect(key).not.toBe(keys[0]);
  });

  it("is no end for a caller who runs again, with the same key for the provider", async () => {
    const { fail, execute, keys } = failing(inTransit);
    await fail();
    await fail({ onUncertain: "rerun" });
    const outcome = await execute("k", "1m", e => e.idempotencyKey, { onUncertain: "rerun" });
    expect(outcome).toMatchObject({ attempt: 3, replayed: false, persisted: true });
    expect(new Set([...keys, outcome.value]).size).toBe(1);
  });

  it("is not rerun with another fingerprint", async () => {
    const { fail, execute } = failing(inTransit, { fingerprint: "a" });
    await fail();
    const fn = vi.fn();
    const other = execute("k", "1m", fn, { fingerprint: "b", onUncertain: "rerun" });
    expect(await rejection(other)).toMatchObject({ code: "KEY_REUSED" });
    expect(fn).not.toHaveBeenCalled();
  });

  it.each([
    [
      "refused",
      Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" }),
    ],
    ["of no connection", new Error("no such user")],
  ])("is not one that was %s: that frees the key", async (_name, error) => {
    const { fail, execute, of } = failing(error);
    expect(await fail()).toBe(error);
    expect(of("failed")).toMatchObject([{ policy: "release" }]);
    expect(await execute("k", "1m", () => "sent")).toMatchObject({ value: "sent", attempt: 2 });
  });
});

describe("the caller's own abort", () => {
  const aborts: [string, (execution: Execution, callers: AbortSignal) => AbortSignal][] = [
    ["the execution's signal", execution => execution.signal],
    ["the caller's signal, which fn listened to by itself", (_execution, callers) => callers],
  ];

  it.each(aborts)("may have come after the request arrived: %s", async (_name, choose) => {
    const { execute, inspect } = createIdempotency({ store: faultyStore(memoryStore()) });
    const controller = new AbortController();
    const reason = { any: "value" };
    const call = rejection(
      execute(
        "k",
        "1m",
        execution =>
          new Promise((_, reject) => {
            const signal = choose(execution, controller.signal);
            signal.addEventListener("abort", () => reject(signal.reason));
          }),
        { signal: controller.signal },
      ),
    );
    await turn();
    controller.abort(reason);
    expect(await call).toBe(reason);
    await turn();
    expect(await inspect("k")).toMatchObject({ state: "uncertain", attempt: 1 });
  });

  it("holds whatever else fn throws after it", async () => {
    const { execute, inspect } = createIdempotency({ store: faultyStore(memoryStore()) });
    const controller = new AbortController();
    const call = rejection(
      execute(
        "k",
        "1m",
        ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("other")))),
        { signal: controller.signal },
      ),
    );
    await turn();
    controller.abort();
    await call;
    await turn();
    expect(await inspect("k")).toMatchObject({ state: "uncertain" });
  });
});

describe("onError", () => {
  const states = { release: "released", store: "completed", hold: "uncertain" } as const;

  it.each(Object.entries(states))("%s: the key is %s", async (policy, state) => {
    const error = new Error("no");
    const { fail, inspect, of } = failing(error, { onError: () => policy as ErrorPolicy });
    expect(await fail()).toBe(error);
    expect(await inspect("k")).toMatchObject({ state, attempt: 1 });
    expect(of("failed")).toMatchObject([{ policy, error }]);
    expect(of("policy-error")).toEqual([]);
  });

  it("that throws holds, and fn's own error reaches the caller", async () => {
    const error = new Error("fn's own");
    const policyError = new Error("of the policy");
    const onError = () => {
      throw policyError;
    };
    const { fail, inspect, of } = failing(error, { onError });
    expect(await fail()).toBe(error);
    expect(await inspect("k")).toMatchObject({ state: "uncertain" });
    expect(of("policy-error")).toMatchObject([{ type: "policy-error", key: "k", error: policyError }]);
    expect(of("failed")).toMatchObject([{ policy: "hold" }]);
  });

  const nonsense: [string, unknown][] = [
    ["nothing", undefined],
    ["another word", "retry"],
    ["true", true],
    ["a promise of a policy", Promise.resolve("release")],
    ["a promise that rejects", Promise.reject(new Error("later"))],
  ];
  for (const [, value] of nonsense) if (value instanceof Promise) value.catch(() => {});

  it.each(nonsense)("that answers %s holds", async (_name, answer) => {
    const error = new Error("fn's own");
    const { fail, inspect, of } = failing(error, { onError: () => answer as ErrorPolicy });
    expect(await fail()).toBe(error);
    expect(await inspect("k")).toMatchObject({ state: "uncertain" });
    const [event] = of("policy-error") as { error: Error }[] as [{ error: Error }];
    expect(event.error.message).toMatch(/^onError: expected "release" or "store" or "hold"; got /);
  });

  it("by default is decided of any error, whatever its fields are (P4)", async () => {
    const error = Object.assign(new Error("own"), { responseCode: Object.create(null) });
    const { fail, inspect } = failing(error);
    expect(await fail()).toBe(error);
    expect(await inspect("k")).toMatchObject({ state: "released" });
  });

  it("that is async and rejects leaves no rejection unhandled", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const onError = (async () => {
      throw new Error("later");
    }) as unknown as () => ErrorPolicy;
    const { fail } = failing(new Error("no"), { onError });
    await fail();
    vi.useRealTimers();
    await new Promise(resolve => setImmediate(resolve));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe("an abandoned claim", () => {
  it("is in progress while its lease lasts, uncertain for ttl after that, and then gone", async () => {
    const store = memoryStore();
    store.claim("k", { token: "dead", ttlMs: 60_000, leaseMs: 10_000 });
    const { execute, inspect } = createIdempotency({ store, onConflict: "reject" });
    const fn = vi.fn(({ attempt }) => attempt);
    const refused = () => rejection(execute("k", "1m", fn));
    await pass(9_999);
    expect(await refused()).toMatchObject({ code: "IN_PROGRESS", retryAfterMs: 1 });
    await pass(1);
    expect(await refused()).toMatchObject({ code: "OUTCOME_UNKNOWN", attempt: 1, retryAfterMs: 60_000 });
    await pass(59_999);
    expect(await refused()).toMatchObject({ code: "OUTCOME_UNKNOWN", retryAfterMs: 1 });
    expect(fn).not.toHaveBeenCalled();
    await pass(1);
    expect(await inspect("k")).toBeUndefined();
    expect(await execute("k", "1m", fn)).toMatchObject({ value: 1, attempt: 1 });
  });
});
