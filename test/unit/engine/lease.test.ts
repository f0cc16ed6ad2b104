import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore } from "../../../src/index.ts";
import { type FaultyStore, faultyStore, gate, manualClock } from "../../../src/testing.ts";
import { countOf, type Deferred, deferred, pass, processes, rejection, turn } from "../../support/calls.ts";
import { FOREVER } from "../../support/faults.ts";
import { begin } from "../../support/runs.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  // In this order: what a spy stands before is a fake.
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("a run that is over at once", () => {
  it("sets no timer", async () => {
    const { withIdempotency } = createIdempotency({ store: memoryStore() });
    const set = vi.spyOn(globalThis, "setTimeout");
    expect(await withIdempotency("k", "1h", async () => "sent")).toBe("sent");
    await withIdempotency("l", "1h", () => Promise.reject(new Error("refused"))).catch(() => {});
    expect(set).not.toHaveBeenCalled();
  });
});

describe("a run that outlives its lease", () => {
  it("keeps the key, whatever its ttl, by a few renewals per lease", async () => {
    const [a, b] = processes(2) as [FaultyStore, FaultyStore];
    const { work, call, signalOf, heard } = begin(a);
    const rival = createIdempotency({ store: b, onConflict: "reject", onUncertain: "rerun" });
    const fn = vi.fn();
    for (let minute = 0; minute < 10; minute++) {
      await pass(60_000);
      const error = await rejection(rival.execute("k", "1m", fn));
      expect(error).toMatchObject({ code: "IN_PROGRESS" });
      expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThanOrEqual(5_000);
    }
    expect(countOf(a, "renew")).toBeGreaterThan(100);
    expect(countOf(a, "renew")).toBeLessThanOrEqual(240);
    work.resolve("slow");
    expect(await call).toMatchObject({ value: "slow", persisted: true });
    expect(signalOf().aborted).toBe(false);
    expect(heard.types()).toEqual(["claimed", "completed"]);
    expect(fn).not.toHaveBeenCalled();
    const renewals = countOf(a, "renew");
    await pass(60_000);
    expect(countOf(a, "renew")).toBe(renewals);
  });

  it("keeps the key while its result is being written", async () => {
    const [a, b] = processes(2) as [FaultyStore, FaultyStore];
    const { work, call } = begin(a, { storeTimeout: "24h" });
    const slow = gate();
    a.inject({ operation: "complete", kind: "delay-request", by: slow });
    work.resolve("sent");
    await pass(60_000);
    const rival = createIdempotency({ store: b, onConflict: "reject", onUncertain: "rerun" });
    expect(await rejection(rival.execute("k", "1m", () => 1))).toMatchObject({ code: "IN_PROGRESS" });
    slow.open();
    expect(await call).toMatchObject({ persisted: true });
    const renewals = countOf(a, "renew");
    await pass(60_000);
    expect(countOf(a, "renew")).toBe(renewals);
  });

  it.each([
    ["a result", () => "sent"],
    [
      "an error that is stored",
      () => {
        throw new Error("refused");
      },
    ],
  ])("keeps the key while %s is being written, of a fn that answers at once (P1)", async (_name, fn) => {
    const [a, b] = processes(2) as [FaultyStore, FaultyStore];
    const slow = gate();
    a.inject({ operation: "complete", kind: "delay-request", by: slow });
    const run = createIdempotency({ store: a, lease: "1s", onError: () => "store" }).execute("k", "1s", fn);
    run.catch(() => {});
    // Past lease and ttl, and within storeTimeout.
    await pass(3_000);
    const again = vi.fn();
    const rival = createIdempotency({ store: b, onConflict: "reject" }).execute("k", "1s", again);
    expect(await rejection(rival)).toMatchObject({ code: "IN_PROGRESS" });
    expect(again).not.toHaveBeenCalled();
    slow.open();
    await run.catch(() => {});
    const renewals = countOf(a, "renew");
    await pass(10_000);
    expect(countOf(a, "renew")).toBe(renewals);
  });

  it("does not take itself for lost by a refusal from before it claimed its record anew (section 6)", async () => {
    const memory = memoryStore();
    const requests = [deferred<void>(), deferred<void>()];
    const replies = [deferred<void>(), deferred<void>()];
    let renewals = 0;
    const faulty = faultyStore(memory, [{ operation: "claim", kind: "delay-reply", by: 3_000 }]);
    const store = {
      ...faulty,
      async renew(...args: Parameters<typeof memory.renew>) {
        const n = renewals++;
        await requests[n]?.promise;
        const isHeld = await memory.renew(...args);
        await replies[n]?.promise;
        return isHeld;
      },
    };
    const { work, call, signalOf, heard } = begin(store);
    // Answered late, so that it is renewed at once, and again with the beat that is due.
    await pass(3_001);
    expect(renewals).toBe(2);
    // Suspended past lease and ttl: both find no record.
    vi.setSystemTime(Date.now() + 80_000);
    for (const { resolve } of requests) resolve();
    await turn();
    replies[0]!.resolve();
    await turn();
    expect(memory.read("k")).toMatchObject({ status: "in-progress" });
    replies[1]!.resolve();
    await turn();
    expect(signalOf().aborted).toBe(false);
    await pass(60_000);
    expect(memory.read("k")).toMatchObject({ status: "in-progress" });
    expect(heard.types()).not.toContain("lease-lost");
    work.resolve("sent");
    expect(await call).toMatchObject({ value: "sent", persisted: true });
  });

  it("is not lost where its end rings late, and an answer that has arrived meanwhile is read next", async () => {
    const memory = memoryStore();
    const reply = deferred<void>();
    let renewals = 0;
    const store = {
      ...faultyStore(memory),
      async renew(...args: Parameters<typeof memory.renew>) {
        if (++renewals < 3) throw new Error("down");
        const isHeld = await memory.renew(...args);
        await reply.promise;
        return isHeld;
      },
    };
    const { work, call, signalOf } = begin(store);
    await pass(2_600);
    // After the timer of the lease's end, which the first failure has set, and with it.
    setTimeout(() => reply.resolve(), 7_400);
    await pass(5_000);
    expect(renewals).toBe(3);
    // The process was busy, so that all timers ring late.
    vi.setSystemTime(Date.now() + 1_000);
    await pass(2_401);
    expect(signalOf().aborted).toBe(false);
    work.resolve("sent");
    expect(await call).toMatchObject({ value: "sent", persisted: true });
  });

  it("leaves the key uncertain though a renewal lands after the hold (P2)", async () => {
    const { store, work, call, inspect } = begin(faultyStore(memoryStore()));
    const slow = gate();
    store.inject({ operation: "renew", kind: "delay-request", by: slow });
    await pass(2_600);
    work.reject(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" }));
    await rejection(call);
    expect(await inspect("k")).toMatchObject({ state: "uncertain" });
    slow.open();
    await turn();
    expect(await inspect("k")).toMatchObject({ state: "uncertain" });
    expect(countOf(store, "renew")).toBe(3);
  });

  it("renews nothing after it is settled otherwise, whenever its renewal lands", async () => {
    const { store, work, call } = begin(faultyStore(memoryStore()));
    const slow = gate();
    store.inject({ operation: "renew", kind: "delay-reply", by: slow });
    await pass(2_600);
    work.resolve("sent");
    expect(await call).toMatchObject({ persisted: true });
    slow.open();
    await turn();
    expect(countOf(store, "renew")).toBe(1);
  });

  it("does not keep the key while it is being released", async () => {
    const { store, work, call } = begin(faultyStore(memoryStore()), { storeTimeout: "24h" });
    const slow = gate();
    store.inject({ operation: "release", kind: "delay-request", by: slow });
    work.reject(new Error("refused"));
    await pass(60_000);
    expect(countOf(store, "renew")).toBe(0);
    slow.open();
    await rejection(call);
  });

  it("is not renewed before half of its lease is over, nor once it has ended", async () => {
    const { store, work, call } = begin(faultyStore(memoryStore()));
    await pass(2_400);
    expect(countOf(store, "renew")).toBe(0);
    work.resolve("sent");
    await call;
    await pass(20_000);
    expect(countOf(store, "renew")).toBe(0);
  });

  it("has timers of its own, which end with it", async () => {
    const store = faultyStore(memoryStore());
    const { execute } = createIdempotency({ store });
    const before = vi.getTimerCount();
    const work = deferred();
    const calls = Array.from({ length: 20 }, (_, i) => execute(["k", i], "1m", () => work.promise));
    await pass(8_000);
    expect(countOf(store, "renew")).toBe(20);
    work.resolve("sent");
    await Promise.all(calls);
    expect(vi.getTimerCount()).toBeLessThanOrEqual(before + 1); // the store's
    await pass(60_000);
    expect(countOf(store, "renew")).toBe(20);
  });

  it("is renewed though fake timers came or went", async () => {
    const { execute } = createIdempotency({ store: memoryStore(), lease: "10s" });
    const forgotten = execute("k", "1m", () => new Promise(() => {}));
    forgotten.catch(() => {});
    await turn();
    vi.useRealTimers();
    vi.useFakeTimers();
    const { store, work, call } = begin(faultyStore(memoryStore()));
    await pass(30_000);
    expect(countOf(store, "renew")).toBeGreaterThanOrEqual(3);
    work.resolve("sent");
    expect(await call).toMatchObject({ persisted: true });
  });

  it("goes by no clock that can be set", async () => {
    const server = manualClock();
    const { work, call, heard } = begin(faultyStore(memoryStore({ clock: server.now })));
    await pass(3_000);
    for (const hours of [5, -10]) {
      vi.setSystemTime(Date.now() + hours * 3_600_000);
      server.advance(5_000);
      await pass(5_000);
    }
    work.resolve("sent");
    expect(await call).toMatchObject({ persisted: true });
    expect(heard.types()).toEqual(["claimed", "completed"]);
  });
});

describe("a renewal that fails", () => {
  it("once, is tried again before the lease ends", async () => {
    const [a, b] = processes(2) as [FaultyStore, FaultyStore];
    const { work, call, signalOf, heard } = begin(a);
    a.inject({ operation: "renew", kind: "fail" });
    await pass(12_000);
    expect(heard.of("store-error")).toHaveLength(1);
    expect(heard.of("store-error")[0]).toMatchObject({ operation: "renew", key: "k" });
    expect(signalOf().aborted).toBe(false);
    const rival = createIdempotency({ store: b, onConflict: "reject" });
    expect(await rejection(rival.execute("k", "1m", () => 1))).toMatchObject({ code: "IN_PROGRESS" });
    work.resolve("sent");
    expect(await call).toMatchObject({ persisted: true });
    expect(heard.of("lease-lost")).toEqual([]);
  });

  it("always, aborts the signal at the end of the lease, and says so once", async () => {
    const { store, work, call, signalOf, heard } = begin(faultyStore(memoryStore()));
    store.inject({ operation: "renew", kind: "fail", ...FOREVER });
    await pass(9_999);
    expect(signalOf().aborted).toBe(false);
    await pass(1);
    expect(signalOf().aborted).toBe(true);
    const reason: unknown = signalOf().reason;
    expect(reason).toMatchObject({
      name: "LeaseLostError",
      code: "LEASE_LOST",
      key: "k",
      message: "The lease on the key is lost: it could not be renewed in time.",
    });
    await pass(60_000);
    expect(heard.of("lease-lost")).toMatchObject([
      { type: "lease-lost", key: "k", attempt: 1, error: reason },
    ]);
    work.resolve("sent");
    expect(await call).toMatchObject({ value: "sent" });
  });

  it("for want of an answer, ends in time for another", async () => {
    const { store, signalOf, work, call, heard } = begin(faultyStore(memoryStore()));
    store.inject({ operation: "renew", kind: "hang" });
    await pass(7_400);
    expect(heard.of("store-error")).toHaveLength(1);
    // Before the lease is over, when another may take the key over.
    expect(countOf(store, "renew")).toBe(2);
    await pass(7_500);
    expect(signalOf().aborted).toBe(false);
    store.restore();
    work.resolve("sent");
    expect(await call).toMatchObject({ persisted: true });
  });

  it("does not have two renewals on their way at once", async () => {
    const { store, work, call } = begin(faultyStore(memoryStore()), { lease: "40s", storeTimeout: "24h" });
    const slow = gate();
    store.inject({ operation: "renew", kind: "delay-reply", by: slow });
    await pass(19_000);
    expect(countOf(store, "renew")).toBe(1);
    slow.open();
    await pass(10_000);
    expect(countOf(store, "renew")).toBe(2);
    work.resolve("sent");
    await call;
  });

  const ends: [string, (work: Deferred<string>) => void, string][] = [
    ["success", work => work.resolve("sent"), "completed"],
    ["failure", work => work.reject(new Error("refused")), "failed"],
  ];

  it.each(ends)("and is answered no sooner than the run's %s, is nobody's loss", async (_, end, told) => {
    const { store, forget, work, call, heard } = begin(faultyStore(memoryStore()));
    const late = gate();
    store.inject({ operation: "renew", kind: "delay-request", by: late });
    await pass(4_000);
    end(work);
    await call.catch(() => {});
    await forget("k");
    late.open();
    await pass(60_000);
    expect(heard.types()).toEqual(["claimed", told]);
  });

  it("while the result is being written, is nobody's loss", async () => {
    const { store, work, call, heard, signalOf } = begin(faultyStore(memoryStore()), { storeTimeout: "24h" });
    const slow = gate();
    store.inject({ operation: "complete", kind: "delay-reply", by: slow });
    work.resolve("sent");
    await pass(30_000);
    // A refusal says no more than that the result is there: it needs no lease.
    expect(countOf(store, "renew")).toBe(1);
    slow.open();
    expect(await call).toMatchObject({ persisted: true });
    expect(signalOf().aborted).toBe(false);
    expect(heard.types()).toEqual(["claimed", "completed"]);
  });

  it.each(ends)("before the run's %s, is nobody's loss", async (_, end) => {
    const { store, work, call, heard } = begin(faultyStore(memoryStore()));
    store.inject({ operation: "renew", kind: "fail", ...FOREVER });
    await pass(6_000);
    end(work);
    await call.catch(() => {});
    await pass(60_000);
    expect(heard.of("lease-lost")).toEqual([]);
  });

  it("and then succeeds again, does not count any more", async () => {
    const { store, work, call, heard } = begin(faultyStore(memoryStore()));
    store.inject({ operation: "renew", kind: "fail" }, { operation: "renew", nth: 4, kind: "fail" });
    await pass(60_000);
    expect(heard.of("store-error")).toHaveLength(2);
    expect(heard.of("lease-lost")).toEqual([]);
    work.resolve("sent");
    expect(await call).toMatchObject({ persisted: true });
  });

  it("answers nonsense: it failed", async () => {
    const { store, work, call, heard } = begin(faultyStore(memoryStore()));
    store.inject({ operation: "renew", kind: "answer", value: "OK" });
    await pass(9_000);
    expect(heard.of("store-error")).toMatchObject([
      {
        type: "store-error",
        key: "k",
        operation: "renew",
        error: expect.objectContaining({
          message: 'store.renew returned an invalid answer: expected true or false; got "OK"',
        }),
      },
    ]);
    work.resolve("sent");
    await call;
  });
});

describe("the end of the lease, as this process knows it,", () => {
  const lostAt = async (store: FaultyStore) => {
    await pass(500);
    const { signalOf, work, call } = begin(store);
    store.inject({ operation: "renew", kind: "fail", ...FOREVER });
    const start = performance.now();
    await pass(4_000);
    while (!signalOf().aborted) await pass(1);
    const at = performance.now() - start;
    work.resolve("late");
    await call;
    return at;
  };

  it("counts from before the claim was sent, however late its answer", async () => {
    const slow = faultyStore(memoryStore(), [{ operation: "claim", kind: "delay-reply", by: 4_000 }]);
    expect(await lostAt(slow)).toBe(10_000);
  });

  it("counts from before the claim was repeated", async () => {
    const repeated = faultyStore(memoryStore(), [
      { operation: "claim", kind: "fail" },
      { operation: "claim", kind: "delay-reply", by: 3_000 },
    ]);
    expect(await lostAt(repeated)).toBe(10_000);
  });

  it("counts from before the claim was repeated, where the first threw at once", async () => {
    const slow = faultyStore(memoryStore(), [{ operation: "claim", kind: "delay-reply", by: 3_000 }]);
    let claims = 0;
    const claim: FaultyStore["claim"] = (...args) => {
      if (++claims === 1) throw new Error("not connected");
      return slow.claim(...args);
    };
    expect(await lostAt({ ...slow, claim })).toBe(10_000);
  });

  it.each([
    [2_500, 0],
    [2_501, 1],
  ])("is put off at once where the claim was answered after %i ms: %i renewals", async (by, renewals) => {
    const { store, work, call } = begin(
      faultyStore(memoryStore(), [{ operation: "claim", kind: "delay-reply", by }]),
    );
    await pass(by);
    expect(countOf(store, "renew")).toBe(renewals);
    work.resolve("sent");
    await call;
  });

  it("counts from before the renewal was sent", async () => {
    const store = faultyStore(memoryStore());
    const { signalOf, work, call } = begin(store);
    store.inject({ operation: "renew", kind: "delay-reply", by: 2_000 });
    store.inject({ operation: "renew", nth: 2, kind: "fail", ...FOREVER });
    let renewedAt = 0;
    while (!signalOf()?.aborted) {
      await pass(1);
      if (renewedAt === 0 && countOf(store, "renew") === 1) renewedAt = performance.now();
    }
    expect(performance.now() - renewedAt).toBe(10_000);
    work.resolve("late");
    await call;
  });
});
