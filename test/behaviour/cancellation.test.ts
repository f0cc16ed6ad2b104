import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore } from "../../src/index.ts";
import { type FaultyStore, faultyStore, gate } from "../../src/testing.ts";
import { countOf, deferred, pass, processes, rejection, stateOf, turn } from "../support/calls.ts";

const reason = new Error("user left");
const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

describe("a caller's signal", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("that has aborted already rejects before anything is asked of the store", async () => {
    const store = faultyStore(memoryStore());
    const fn = vi.fn();
    const { execute, withIdempotency } = createIdempotency({ store });
    const signal = AbortSignal.abort(reason);
    expect(await rejection(execute("k", "1m", fn, { signal }))).toBe(reason);
    expect(await rejection(withIdempotency("k", "1m", fn, { signal }))).toBe(reason);
    expect(store.calls).toEqual([]);
    expect(fn).not.toHaveBeenCalled();
    expect(listeners(signal)).toBe(0);
  });

  it("that has aborted already rejects what memory could have replayed", async () => {
    const { withIdempotency } = createIdempotency({ store: memoryStore() });
    const fn = vi.fn(() => "sent");
    await withIdempotency("k", "1m", fn);
    expect(await rejection(withIdempotency("k", "1m", fn, { signal: AbortSignal.abort(reason) }))).toBe(
      reason,
    );
    const { signal } = new AbortController();
    expect(await withIdempotency("k", "1m", fn, { signal })).toBe("sent");
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("rejects a call that waits for another process, at once, and leaves nothing", async () => {
    const [a, b] = processes(2) as [FaultyStore, FaultyStore];
    const work = deferred();
    const leader = createIdempotency({ store: a }).execute("k", "1m", () => work.promise);
    await pass(1_000);
    const before = vi.getTimerCount();
    const controller = new AbortController();
    const fn = vi.fn();
    const waiting = rejection(
      createIdempotency({ store: b }).execute("k", "1m", fn, { signal: controller.signal }),
    );
    await pass(1_000);
    expect(await stateOf(waiting)).toBe("pending");
    controller.abort(reason);
    await turn();
    expect(await waiting).toBe(reason);
    expect(vi.getTimerCount()).toBe(before);
    expect(listeners(controller.signal)).toBe(0);
    const claims = countOf(b, "claim");
    await pass(2_000);
    expect(countOf(b, "claim")).toBe(claims);
    work.resolve("sent");
    expect(await leader).toMatchObject({ persisted: true });
    expect(fn).not.toHaveBeenCalled();
  });

  it("that aborts while the claim is tried keeps fn from running unprotected", async () => {
    const store = faultyStore(memoryStore(), [
      { operation: "claim", kind: "hang", applied: false, times: Number.POSITIVE_INFINITY },
    ]);
    const controller = new AbortController();
    const fn = vi.fn();
    const { execute } = createIdempotency({ store, storeTimeout: "2s", onStoreError: "run" });
    const call = rejection(execute("k", "1m", fn, { signal: controller.signal }));
    await pass(1_000);
    controller.abort(reason);
    expect(await call).toBe(reason);
    await pass(60_000);
    expect(fn).not.toHaveBeenCalled();
  });

  it.each([
    ["takes an uncertain key over leaves it uncertain", 1, "uncertain"],
    ["is the first of its window frees the key", 0, "released"],
  ] as const)("that aborts while a claim %s", async (_, earlier, status) => {
    const memory = memoryStore();
    for (let claims = 0; claims < earlier; claims++) {
      memory.claim("k", { token: "dead", ttlMs: 60_000, leaseMs: 0 });
    }
    const landing = gate();
    const store = faultyStore(memory, [{ operation: "claim", kind: "delay-reply", by: landing }]);
    const controller = new AbortController();
    const fn = vi.fn();
    const { execute } = createIdempotency({ store, onUncertain: "rerun" });
    const call = rejection(execute("k", "1m", fn, { signal: controller.signal }));
    await turn();
    controller.abort(reason);
    landing.open();
    expect(await call).toBe(reason);
    await turn();
    expect(memory.read("k")).toMatchObject({ status });
    expect(fn).not.toHaveBeenCalled();
  });

  it("that a listener aborts as the run begins is passed on to fn", async () => {
    const controller = new AbortController();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent: () => controller.abort(reason) });
    let seen: unknown;
    const fn = ({ signal }: { signal: AbortSignal }) => {
      seen = signal.reason;
    };
    const call = execute("k", "1m", fn, { signal: controller.signal });
    expect(await rejection(call)).toBe(reason);
    expect(seen).toBe(reason);
  });

  it("rejects a call that shares a run, at once, and leaves the run alone", async () => {
    const { execute } = createIdempotency({ store: faultyStore(memoryStore()) });
    const work = deferred();
    let ownSignal: AbortSignal | undefined;
    const leader = execute("k", "1m", ({ signal }) => {
      ownSignal = signal;
      return work.promise;
    });
    await turn();
    const before = vi.getTimerCount();
    const controller = new AbortController();
    const follower = rejection(execute("k", "1m", () => "second", { signal: controller.signal }));
    await turn();
    controller.abort(reason);
    expect(await follower).toBe(reason);
    await turn();
    expect(vi.getTimerCount()).toBe(before);
    expect(listeners(controller.signal)).toBe(0);
    expect(ownSignal?.aborted).toBe(false);
    work.resolve("sent");
    expect(await leader).toMatchObject({ value: "sent", persisted: true });
  });

  it("rejects a run at once, and its result is kept though fn goes on", async () => {
    const { execute } = createIdempotency({ store: faultyStore(memoryStore()) });
    const controller = new AbortController();
    const work = deferred();
    let seen: unknown;
    const call = rejection(
      execute(
        "k",
        "1m",
        execution => {
          execution.signal.addEventListener("abort", () => {
            seen = execution.signal.reason;
          });
          return work.promise;
        },
        { signal: controller.signal },
      ),
    );
    await turn();
    controller.abort(reason);
    expect(seen).toBe(reason);
    expect(await call).toBe(reason);
    const next = execute("k", "1m", () => "again");
    work.resolve("sent");
    expect(await next).toMatchObject({ value: "sent", replayed: true, persisted: true });
    await turn();
    expect(listeners(controller.signal)).toBe(0);
  });

  it("rejects while the claim is on its way, which is given back when it lands", async () => {
    const memory = memoryStore();
    const claim = gate();
    const store = faultyStore(memory, [{ operation: "claim", kind: "delay-request", by: claim }]);
    const controller = new AbortController();
    const fn = vi.fn(({ attempt }: { attempt: number }) => attempt);
    const { execute } = createIdempotency({ store });
    const call = rejection(execute("k", "1m", fn, { signal: controller.signal }));
    await turn();
    controller.abort(reason);
    expect(await call).toBe(reason);
    claim.open();
    await turn();
    expect(memory.read("k")).toMatchObject({ status: "released" });
    expect(fn).not.toHaveBeenCalled();
    expect(await execute("k", "1m", fn)).toMatchObject({ value: 2 });
  });

  it("that aborts inside fn, before its first await, rejects the call; the result is kept", async () => {
    const { execute } = createIdempotency({ store: memoryStore() });
    const controller = new AbortController();
    const call = rejection(
      execute(
        "k",
        "1m",
        ({ signal }) => {
          controller.abort(reason);
          expect(signal.reason).toBe(reason);
          return "sent";
        },
        { signal: controller.signal },
      ),
    );
    expect(await call).toBe(reason);
    expect(await execute("k", "1m", () => "again")).toMatchObject({ value: "sent", replayed: true });
  });

  it("is left without listeners by calls that end: a run, a failure, a replay, a refusal", async () => {
    const { signal } = new AbortController();
    const { execute } = createIdempotency({ store: memoryStore(), signal });
    await execute("k", "1m", async () => "sent");
    await execute("k", "1m", () => "again");
    await rejection(execute("other", "1m", () => Promise.reject(new Error("no"))));
    await rejection(execute("held", "1m", () => Promise.reject(new Error("no")), { onError: () => "hold" }));
    await rejection(execute("held", "1m", () => 1));
    await turn();
    expect(listeners(signal)).toBe(0);
  });
});
