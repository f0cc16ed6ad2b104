import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type IdempotencyStore, memoryStore, StoreError } from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";
import { countOf, deferred, pass, rejection, turn } from "../support/calls.ts";
import { FOREVER, setUp } from "../support/faults.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a store that is down before the claim", () => {
  it("is STORE_ERROR with its cause, after one more try with the same token; fn does not run", async () => {
    const error = new Error("connection refused");
    const { store, heard, fn, call } = setUp([{ operation: "claim", kind: "fail", times: 2, error }]);
    expect(await rejection(call())).toMatchObject({
      name: "StoreError",
      code: "STORE_ERROR",
      key: "k",
      cause: error,
      message: "The store failed to claim: connection refused",
    });
    expect(fn).not.toHaveBeenCalled();
    const tokens = store.calls.map(({ args }) => (args[1] as { token: string }).token);
    expect(tokens).toHaveLength(2);
    expect(new Set(tokens).size).toBe(1);
    expect(heard.events).toMatchObject([
      { type: "store-error", key: "k", operation: "claim", error },
      { type: "store-error", key: "k", operation: "claim", error },
      { type: "refused", key: "k", code: "STORE_ERROR" },
    ]);
    await pass(1_000);
    expect(await call()).toMatchObject({ value: "run 1", attempt: 1 });
  });

  it.each([
    ["not connected", 'The store failed to claim: "not connected"'],
    [new RangeError(""), "The store failed to claim: RangeError, without a message"],
    [Object.setPrototypeOf({}, null), "The store failed to claim: an object with no keys"],
  ])("throws at once: the same (%o)", async (error, message) => {
    const claim = vi.fn(() => {
      throw error;
    });
    const { memory, fn } = setUp();
    const instance = createIdempotency({ store: { ...faultyStore(memory), claim } });
    expect(await rejection(instance.execute("k", "1m", fn))).toMatchObject({
      code: "STORE_ERROR",
      cause: error,
      message,
    });
    expect(claim).toHaveBeenCalledTimes(2);
    expect(fn).not.toHaveBeenCalled();
  });

  it("throws once: the call goes on", async () => {
    const { memory, fn } = setUp();
    let claims = 0;
    const store = faultyStore(memory);
    const claim: IdempotencyStore["claim"] = (...args) => {
      if (++claims === 1) throw new Error("not connected");
      return memory.claim(...args);
    };
    expect(await createIdempotency({ store: { ...store, claim } }).execute("k", "1m", fn)).toMatchObject({
      value: "run 1",
      persisted: true,
    });
  });

  it("runs unprotected where that was chosen, and says so", async () => {
    const { store, heard, fn, call } = setUp([{ operation: "claim", kind: "fail", times: 2 }], {
      onStoreError: "run",
    });
    expect(await call()).toEqual({ value: "run 1", replayed: false, persisted: false, attempt: 1, key: "k" });
    expect(heard.types()).toEqual(["store-error", "store-error", "unprotected", "completed"]);
    expect(heard.of("completed")).toMatchObject([{ persisted: false }]);
    expect(fn.mock.calls[0]![0]).toMatchObject({ key: "k", attempt: 1 });
    await pass(1_000);
    // Whether the claim has landed the store has answered.
    expect(countOf(store, "complete")).toBe(1);
    expect(await call()).toMatchObject({ value: "run 1", replayed: false });
    expect(fn).toHaveBeenCalledTimes(2);
  });

  it("does not run again when fn itself fails with the STORE_ERROR of another store", async () => {
    const error = new StoreError("another store is down");
    const { fn, call, heard } = setUp([], { onStoreError: "run" });
    fn.mockImplementation(() => {
      throw error;
    });
    expect(await rejection(call())).toBe(error);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(heard.types()).toEqual(["claimed", "failed"]);
  });

  it("tries to settle an unprotected run for as long as a lease", async () => {
    const { store, call } = setUp([{ operation: "claim", kind: "fail", times: 2 }], {
      onStoreError: "run",
      lease: "5s",
    });
    store.inject({ operation: "complete", kind: "fail", ...FOREVER });
    expect(await call()).toMatchObject({ value: "run 1" });
    await pass(4_900);
    const tries = countOf(store, "complete");
    expect(tries).toBeGreaterThan(4);
    await pass(200);
    // Once more at the lease's end, and once without the result.
    expect(countOf(store, "complete")).toBe(tries + 2);
    await pass(60_000);
    expect(countOf(store, "complete")).toBe(tries + 2);
  });

  it("does not overwrite the result of an unprotected run whose claim never lands", async () => {
    const { store, call } = setUp([{ operation: "claim", kind: "fail", times: 2 }], { onStoreError: "run" });
    await call();
    await pass(60_000);
    const outcomes = store.calls
      .filter(({ operation }) => operation === "complete")
      .map(({ args }) => args[2]);
    expect(new Set(outcomes)).toEqual(new Set(['"run 1"']));
  });

  it("runs unprotected once for all calls at once, and gives each fn's own error", async () => {
    const { fn, call } = setUp([{ operation: "claim", kind: "fail", ...FOREVER }], { onStoreError: "run" });
    expect(await Promise.all([call(), call(), call()])).toMatchObject([
      { value: "run 1", replayed: false },
      { value: "run 1", replayed: true, persisted: false },
      { value: "run 1", replayed: true, persisted: false },
    ]);
    expect(fn).toHaveBeenCalledTimes(1);
    const error = new Error("fn's own");
    fn.mockImplementation(() => {
      throw error;
    });
    expect(await Promise.all([rejection(call()), rejection(call())])).toEqual([error, error]);
    expect(fn).toHaveBeenCalledTimes(2);
  });

  it("runs unprotected, and its signal still aborts with the caller's", async () => {
    const { execute, store } = setUp([{ operation: "claim", kind: "fail", times: 2 }], {
      onStoreError: "run",
    });
    const controller = new AbortController();
    let signal: AbortSignal | undefined;
    const work = deferred();
    const call = rejection(
      execute(
        "k",
        "1m",
        execution => {
          signal = execution.signal;
          expect(execution.idempotencyKey).toMatch(/^[\w-]{1,64}$/);
          return work.promise;
        },
        { signal: controller.signal },
      ),
    );
    await turn();
    controller.abort("stop");
    expect(await call).toBe("stop");
    expect(signal?.reason).toBe("stop");
    work.resolve("sent");
    await pass(60_000);
    expect(countOf(store, "renew")).toBe(0);
  });
});

describe("a claim whose reply is lost", () => {
  it("is known by its own token: the call runs, once, at attempt 1", async () => {
    const { fn, call } = setUp([{ operation: "claim", kind: "lose-reply" }]);
    expect(await call()).toMatchObject({ value: "run 1", replayed: false, persisted: true, attempt: 1 });
    expect(await call()).toMatchObject({ value: "run 1", replayed: true });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("twice, is given back: the key is not stuck", async () => {
    const { memory, fn, call } = setUp([{ operation: "claim", kind: "lose-reply", times: 2 }]);
    expect(await rejection(call())).toMatchObject({ code: "STORE_ERROR" });
    expect(memory.read("k")).toMatchObject({ status: "in-progress" });
    await pass(100);
    expect(memory.read("k")).toMatchObject({ status: "released" });
    expect(await call()).toMatchObject({ value: "run 2" });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("twice, and lands before the store answers the release, is released", async () => {
    const error = new Error("connection reset");
    const { memory, store, call } = setUp([
      { operation: "claim", kind: "fail", error },
      { operation: "claim", nth: 2, kind: "land-late", by: 5_000, error },
      { operation: "release", kind: "fail", times: 5 },
    ]);
    expect(await rejection(call())).toMatchObject({ code: "STORE_ERROR" });
    await pass(5_000);
    expect(memory.read("k")).toMatchObject({ status: "in-progress" });
    await pass(5_000);
    expect(memory.read("k")).toMatchObject({ status: "released" });
    const releases = countOf(store, "release");
    await pass(60_000);
    expect(countOf(store, "release")).toBe(releases);
  });

  it("is released for at most twice storeTimeout, and once where the store answers", async () => {
    for (const [times, most] of [
      [FOREVER.times, 8],
      [0, 1],
    ] as const) {
      const { store, call } = setUp([{ operation: "claim", kind: "fail", times: 2 }], { lease: "1h" });
      if (times > 0) store.inject({ operation: "release", kind: "fail", times });
      expect(await rejection(call())).toMatchObject({ code: "STORE_ERROR" });
      await pass(10_100);
      const releases = countOf(store, "release");
      expect(releases).toBeLessThanOrEqual(most);
      expect(releases).toBeGreaterThan(0);
      await pass(3_600_000);
      expect(countOf(store, "release")).toBe(releases);
    }
  });

  it("twice, and that runs unprotected, is completed by what came of it", async () => {
    const { memory, fn, call } = setUp([{ operation: "claim", kind: "lose-reply", times: 2 }], {
      onStoreError: "run",
    });
    expect(await call()).toMatchObject({ value: "run 1", persisted: false });
    await pass(100);
    expect(memory.read("k")).toMatchObject({ status: "completed" });
    expect(await call()).toMatchObject({ value: "run 1", replayed: true });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("is completed elsewhere meanwhile: the repeated claim shows it", async () => {
    const { memory, fn, call } = setUp([{ operation: "claim", kind: "fail" }]);
    await createIdempotency({ store: memory }).execute("k", "1m", () => "earlier");
    expect(await call()).toMatchObject({ value: "earlier", replayed: true });
    expect(fn).not.toHaveBeenCalled();
  });
});

describe("a store that answers a claim with nonsense", () => {
  const nonsense: [string, unknown][] = [
    ["undefined", undefined],
    ["null", null],
    ["text", "OK"],
    ["no status", { attempt: 1, runId: "r" }],
    ["another status", { status: "released", attempt: 1, runId: "r" }],
    ["no attempt", { status: "claimed", runId: "r" }],
    ["attempt 0", { status: "claimed", attempt: 0, runId: "r" }],
    ["half an attempt", { status: "claimed", attempt: 1.5, runId: "r" }],
    ["no runId", { status: "claimed", attempt: 1 }],
    ["no retryAfterMs", { status: "in-progress", attempt: 1 }],
    ["a negative retryAfterMs", { status: "in-progress", attempt: 1, retryAfterMs: -1 }],
    ["a retryAfterMs that is text", { status: "in-progress", attempt: 1, retryAfterMs: "5" }],
    ["NaN", { status: "uncertain", attempt: 1, retryAfterMs: Number.NaN }],
    ["no outcome", { status: "completed", attempt: 1 }],
  ];

  it.each(nonsense)("%s: STORE_ERROR that names it", async (_name, value) => {
    const { fn, call, heard } = setUp([{ operation: "claim", kind: "answer", value, times: 2 }]);
    const error = await rejection(call());
    expect(error).toMatchObject({ code: "STORE_ERROR", key: "k" });
    expect((error as Error).message).toMatch(
      /store\.claim returned an invalid answer: expected a ClaimResult; got /,
    );
    expect(heard.of("store-error")).toHaveLength(2);
    expect(fn).not.toHaveBeenCalled();
    await pass(1_000);
  });

  it("is not one whose key is free again at once", async () => {
    const value = { status: "uncertain", attempt: 2, retryAfterMs: 0 };
    const { call } = setUp([{ operation: "claim", kind: "answer", value }]);
    expect(await rejection(call())).toMatchObject({ code: "OUTCOME_UNKNOWN", attempt: 2, retryAfterMs: 0 });
  });

  it("at once: the same", async () => {
    const { memory, fn } = setUp();
    const store = { ...faultyStore(memory), claim: () => undefined as never };
    expect(await rejection(createIdempotency({ store }).execute("k", "1m", fn))).toMatchObject({
      code: "STORE_ERROR",
    });
    expect(fn).not.toHaveBeenCalled();
  });
});

describe("a full in-memory store", () => {
  it("neither evicts nor refuses a claim in progress, and announces what a completion evicts", async () => {
    const evicted: string[] = [];
    const store = memoryStore({ maxEntries: 1, onEvict: key => evicted.push(key) });
    const { execute } = createIdempotency({ store });
    const work = deferred();
    const running = [1, 2, 3].map(n => execute(["running", n], "1m", () => work.promise));
    await execute("done", "1m", () => 1);
    expect(evicted).toEqual([]);
    work.resolve("sent");
    for (const call of running) expect(await call).toMatchObject({ value: "sent", persisted: true });
    expect(evicted).toEqual(["done", "running:1", "running:2"]);
  });

  it("that rejects refuses before fn runs", async () => {
    const store = memoryStore({ maxEntries: 1, onFull: "reject" });
    const { execute } = createIdempotency({ store });
    await execute("done", "1m", () => 1);
    const fn = vi.fn();
    expect(await rejection(execute("next", "1m", fn))).toMatchObject({ code: "STORE_ERROR", key: "next" });
    expect(fn).not.toHaveBeenCalled();
  });
});
