import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type IdempotencyStore, memoryStore } from "../../src/index.ts";
import { faultyStore, manualClock } from "../../src/testing.ts";
import { countOf, pass, rejection, stateOf } from "../support/calls.ts";
import { FOREVER, setUp } from "../support/faults.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a store that is down after fn has succeeded", () => {
  it("costs the caller nothing; the result is written once it is up again, and meanwhile is shared", async () => {
    const { memory, store, heard, fn, call } = setUp([{ operation: "complete", kind: "fail", times: 4 }]);
    expect(await call()).toMatchObject({ value: "run 1", replayed: false, persisted: false, attempt: 1 });
    expect(memory.read("k")).toMatchObject({ status: "in-progress" });
    expect(await call()).toMatchObject({ value: "run 1", replayed: true, persisted: false });
    await pass(600);
    expect(await call({ onConflict: "reject" })).toMatchObject({ value: "run 1", replayed: true });
    expect(countOf(store, "claim")).toBe(1);
    await pass(1_000);
    expect(countOf(store, "complete")).toBe(5);
    expect(memory.read("k")).toMatchObject({ status: "completed" });
    expect(await call()).toMatchObject({ value: "run 1", replayed: true, persisted: true });
    expect(countOf(store, "claim")).toBe(2);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(heard.of("store-error")).toHaveLength(4);
    expect(heard.of("completed")).toMatchObject([
      { type: "completed", key: "k", attempt: 1, persisted: false },
    ]);
  });

  it("is shared no longer than its ttl", async () => {
    const { memory, store, execute, fn } = setUp([{ operation: "complete", kind: "fail", ...FOREVER }]);
    await execute("k", "2s", fn);
    await pass(1_999);
    expect(await execute("k", "2s", fn)).toMatchObject({ replayed: true });
    await pass(1);
    const late = execute("k", "2s", fn, { onConflict: "reject" });
    expect(await rejection(late)).toMatchObject({ code: "IN_PROGRESS" });
    store.restore();
    await pass(2_000);
    expect(memory.read("k")).toMatchObject({ status: "completed" });
  });

  it("leaves no timer once the result is written", async () => {
    const { memory, call } = setUp([{ operation: "complete", kind: "fail" }]);
    await call();
    await pass(1_000);
    expect(memory.read("k")).toMatchObject({ status: "completed" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("still refuses another fingerprint meanwhile", async () => {
    const { fn, call } = setUp([{ operation: "complete", kind: "fail", times: 4 }]);
    await call({ fingerprint: "a" });
    expect(await rejection(call({ fingerprint: "b" }))).toMatchObject({ code: "KEY_REUSED" });
    expect(fn).toHaveBeenCalledTimes(1);
    await pass(2_000);
  });

  it("and stays down: the key becomes uncertain, and fn does not run again", async () => {
    const { store, fn, call } = setUp([{ operation: "complete", kind: "fail", ...FOREVER }], { lease: "5s" });
    expect(await call()).toMatchObject({ value: "run 1", persisted: false });
    await pass(4_999);
    expect(await call()).toMatchObject({ value: "run 1", persisted: false });
    await pass(1);
    expect(await rejection(call())).toMatchObject({ code: "OUTCOME_UNKNOWN", attempt: 1 });
    expect(fn).toHaveBeenCalledTimes(1);
    const tries = countOf(store, "complete");
    expect(tries).toBeGreaterThan(4);
    await pass(60_000);
    expect(countOf(store, "complete")).toBe(tries);
  });

  it("until the very end of the lease: the result is still written", async () => {
    const { memory, store, call } = setUp([{ operation: "complete", kind: "fail", ...FOREVER }], {
      lease: "20s",
    });
    await call();
    await pass(19_000);
    store.restore();
    await pass(1_000);
    expect(memory.read("k")).toMatchObject({ status: "completed" });
    expect(await call()).toMatchObject({ value: "run 1", persisted: true });
  });

  it("once, when its lease is over already: the result is still written", async () => {
    const clock = manualClock();
    const store = faultyStore(memoryStore({ clock: clock.now }), [{ operation: "complete", kind: "fail" }]);
    const { execute } = createIdempotency({ store, lease: "1s" });
    const fn = () => {
      vi.advanceTimersByTime(5_000);
      return "sent";
    };
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "sent", persisted: false });
    await pass(100);
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "sent", replayed: true, persisted: true });
  });

  it("and takes everything but the result: the key is completed without it", async () => {
    const { memory, fn } = setUp();
    const complete: IdempotencyStore["complete"] = (key, token, outcome, ttlMs) => {
      if (outcome.includes("large")) throw new Error("too large");
      return memory.complete(key, token, outcome, ttlMs);
    };
    const store = { ...faultyStore(memory), complete };
    const { execute } = createIdempotency({ store, lease: "5s" });
    fn.mockReturnValue("large");
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "large", persisted: false });
    await pass(6_000);
    const error = await rejection(execute("k", "1m", fn));
    expect(error).toMatchObject({ code: "RESULT_UNAVAILABLE" });
    expect((error as Error).message).toMatch(/its result could not be stored/);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("once, and another holds the key then: nothing is tried any more", async () => {
    const { memory, store, call, heard } = setUp([{ operation: "complete", kind: "fail" }]);
    expect(await call()).toMatchObject({ value: "run 1", persisted: false });
    memory.forget("k");
    memory.claim("k", { token: "another", ttlMs: 60_000, leaseMs: 30_000 });
    await pass(60_000);
    expect(countOf(store, "complete")).toBe(2);
    expect(heard.of("store-error")).toHaveLength(1);
  });

  it("and hangs: the caller has its value by storeTimeout", async () => {
    const { store, fn, call } = setUp([{ operation: "complete", kind: "hang" }], { storeTimeout: "2s" });
    const first = call();
    await pass(1_999);
    expect(await stateOf(first)).toBe("pending");
    await pass(1);
    expect(await first).toMatchObject({ value: "run 1", persisted: false });
    await pass(100);
    expect(await call()).toMatchObject({ value: "run 1", replayed: true, persisted: true });
    expect(fn).toHaveBeenCalledTimes(1);
    store.restore();
  });

  it("and answers nonsense: that is no success", async () => {
    const { memory, heard, call } = setUp([{ operation: "complete", kind: "answer", value: undefined }]);
    expect(await call()).toMatchObject({ value: "run 1", persisted: false });
    const [{ error }] = heard.of("store-error") as never as [{ error: Error }];
    expect(error.message).toBe(
      "store.complete returned an invalid answer: expected true or false; got undefined",
    );
    await pass(100);
    expect(memory.read("k")).toMatchObject({ status: "completed" });
  });

  it("throws at once: the same as one that rejects", async () => {
    const { memory, fn, heard } = setUp();
    let failures = 2;
    const complete: IdempotencyStore["complete"] = (...args) => {
      if (failures-- > 0) throw new Error("not connected");
      return memory.complete(...args);
    };
    const { execute } = createIdempotency({
      store: { ...faultyStore(memory), complete },
      onEvent: heard.onEvent,
    });
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "run 1", persisted: false });
    expect(heard.of("store-error")).toMatchObject([
      { operation: "complete", error: { message: "not connected" } },
    ]);
    await pass(1_000);
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "run 1", persisted: true, replayed: true });
  });

  it("keeps on sharing a value that has no text", async () => {
    const { call, fn } = setUp([{ operation: "complete", kind: "fail", times: 2 }]);
    const value = () => {};
    fn.mockReturnValue(value as never);
    expect(await call()).toMatchObject({ value, persisted: false });
    expect(await call({ fingerprint: "any" })).toMatchObject({ value, replayed: true, persisted: false });
    await pass(1_000);
    expect(await rejection(call())).toMatchObject({ code: "RESULT_UNAVAILABLE" });
    expect(fn).toHaveBeenCalledTimes(1);
  });
});

describe("a completion whose reply is lost", () => {
  it("is repeated, which is no error", async () => {
    const { store, fn, call, heard } = setUp([{ operation: "complete", kind: "lose-reply" }]);
    expect(await call()).toMatchObject({ value: "run 1", persisted: false });
    await pass(100);
    expect(countOf(store, "complete")).toBe(2);
    expect(await call()).toMatchObject({ value: "run 1", replayed: true, persisted: true });
    expect(heard.of("store-error")).toHaveLength(1);
    expect(fn).toHaveBeenCalledTimes(1);
  });
});
