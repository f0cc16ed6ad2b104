import { AsyncLocalStorage } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LRUCache } from "lru-cache";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../../src/stores/memory/store.ts";
import { pauseAfter } from "../../../../src/stores/memory/sweep.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const LEASE = 1_000;
const TTL = 60_000;
const DAY = 86_400_000;
const request = (token: string, fingerprint?: string) => ({ token, ttlMs: TTL, leaseMs: LEASE, fingerprint });
const soon = () => new Promise(setImmediate);

interface Timer {
  ring(): void;
  ms: number;
  isHeld: boolean;
}

/** A store of a module that was loaded where the timers are rung by hand; `timers` are those that it has set. */
async function loadWithHandTimers(timerOf = (timer: Timer): unknown => timer) {
  const timers: Timer[] = [];
  const setTimer = (ring: () => void, ms: number) => {
    const timer = {
      ring,
      ms,
      isHeld: true,
      unref() {
        timer.isHeld = false;
      },
    };
    timers.push(timer);
    return timerOf(timer);
  };
  vi.stubGlobal("setTimeout", setTimer);
  vi.resetModules();
  const { memoryStore } = await import("../../../../src/stores/memory/store.ts");
  vi.unstubAllGlobals();
  return { memoryStore, timers, setTimer };
}

/** Rings the last of the timers, at the time when it is due unless another is given. */
function ring(timers: Timer[], afterMs = timers.at(-1)!.ms): void {
  vi.setSystemTime(Date.now() + afterMs);
  timers.at(-1)!.ring();
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_000_250 });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("its timer", () => {
  it("is one for all keys, holds no process open, and is gone with the last of them", async () => {
    const { memoryStore, timers } = await loadWithHandTimers();
    const store = memoryStore();
    for (let i = 0; i < 100; i += 1) {
      store.claim(`k${i}`, request("a"));
      if (i % 2 === 0) store.complete(`k${i}`, "a", "sent", TTL + i * 100);
      await soon();
    }
    expect(timers).toHaveLength(1);
    expect(timers.map(({ isHeld }) => isHeld)).toEqual([false]);
    const until = Date.now() + TTL + 20_000;
    while (Date.now() < until) {
      const count = timers.length;
      ring(timers);
      await soon();
      if (timers.length === count) break;
    }
    expect(Date.now()).toBeGreaterThan(1_000_250 + TTL + 9_800);
    expect(Date.now()).toBeLessThan(until);
    store.claim("again", request("a"));
    await soon();
    expect(timers.at(-1)!.isHeld).toBe(false);
  });

  it("removes in real time what is past its time, without a call", async () => {
    const { memoryStore, timers } = await loadWithHandTimers();
    const store = memoryStore();
    for (const [key, ttlMs] of [
      ["short", 5_000],
      ["long", TTL],
    ] as const) {
      store.claim(key, request("a"));
      store.complete(key, "a", "sent", ttlMs);
    }
    await soon();
    const remove = vi.spyOn(LRUCache.prototype, "delete");
    ring(timers, 4_999);
    expect(remove).not.toHaveBeenCalled();
    await soon();
    ring(timers, 1);
    expect(remove.mock.calls).toEqual([["short"]]);
    await soon();
    ring(timers, TTL);
    expect(remove.mock.calls).toEqual([["short"], ["long"]]);
    await soon();
    expect(timers).toHaveLength(3);
  });

  it("rings when the first of the keys is past its time", async () => {
    const { memoryStore, timers } = await loadWithHandTimers();
    const store = memoryStore();
    for (const ttlMs of [5_000, 8_000]) {
      store.claim(`${ttlMs}`, { ...request("a"), ttlMs });
      store.complete(`${ttlMs}`, "a", "sent", ttlMs);
    }
    await soon();
    // The first is a claim, which goes on for its lease and its ttl.
    expect(timers.map(({ ms }) => ms)).toEqual([6_000]);
    ring(timers, 5_000);
    await soon();
    ring(timers);
    await soon();
    expect(timers.map(({ ms }) => ms)).toEqual([6_000, 3_000]);
  });

  it("may be a number, as in a browser", async () => {
    const { memoryStore, timers } = await loadWithHandTimers(() => 7);
    expect(memoryStore().claim("k", request("a"))).toMatchObject({ status: "claimed" });
    await soon();
    expect(timers).toHaveLength(1);
  });

  it.each([0, 1, 24.9, 30, 3_650, -1, -30, -3_650])(
    "rings no more often than each second, and is set for no longer than ten, by a clock that jumps %i days",
    async days => {
      const { memoryStore, timers } = await loadWithHandTimers();
      const store = memoryStore();
      store.claim("before", { ...request("a"), ttlMs: DAY });
      vi.setSystemTime(Date.now() + days * DAY);
      store.claim("after", request("a"));
      await soon();
      // By a clock that stands still, as a test's does.
      for (let i = 0; i < 20; i += 1) {
        timers.at(-1)!.ring();
        await soon();
      }
      expect(timers).toHaveLength(21);
      for (const { ms } of timers) expect(ms >= 1_000 && ms <= 10_000).toBe(true);
    },
  );

  it("waits the longer for the next sweep the more keys there are", () => {
    expect([0, 100_000, 1_000_000].map(pauseAfter)).toEqual([1_000, 1_000, 10_000]);
  });
});

describe("a test's fake timers", () => {
  const HOURS_24 = { ...request("a"), ttlMs: DAY };
  const fake = (now?: number) => vi.useFakeTimers(now === undefined ? {} : { now });

  it.each(["before", "after"])(
    "have none of its timers among them, installed %s its first use",
    async when => {
      vi.useRealTimers();
      const store = memoryStore();
      if (when === "after") store.claim("k", HOURS_24);
      fake();
      store.claim("k", HOURS_24);
      store.complete("k", "a", "sent", DAY);
      const begun = Date.now();
      expect(vi.getTimerCount()).toBe(0);
      await vi.runAllTimersAsync();
      expect(Date.now()).toBe(begun);
      expect(store.read("k")).toMatchObject({ status: "completed" });
      vi.advanceTimersByTime(DAY);
      expect(store.read("k")).toBeUndefined();
    },
  );

  it("have none where the module was loaded among them; a real one is found when they have gone", async () => {
    fake();
    vi.resetModules();
    const { memoryStore } = await import("../../../../src/stores/memory/store.ts");
    const store = memoryStore();
    store.claim("k", HOURS_24);
    await vi.runAllTimersAsync();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    const set = vi.fn();
    vi.stubGlobal("setTimeout", (act: () => void, ms: number) => set(act, ms));
    store.claim("other", HOURS_24);
    await soon();
    expect(set).toHaveBeenCalledOnce();
  });

  it("pass a day with 2,000 keys of an earlier test in a few sweeps, at a date long past too", () => {
    vi.useRealTimers();
    const store = memoryStore();
    for (let i = 0; i < 2_000; i += 1) {
      store.claim(`earlier ${i}`, HOURS_24);
      store.complete(`earlier ${i}`, "a", "sent", DAY);
    }
    fake(Date.UTC(2020, 0, 1));
    const look = vi.spyOn(LRUCache.prototype, "forEach");
    const remove = vi.spyOn(LRUCache.prototype, "delete");
    store.claim("reminder", request("a"));
    for (let hour = 0; hour < 24; hour += 1) {
      vi.advanceTimersByTime(3_600_000);
      store.claim(`hour ${hour}`, request("a"));
    }
    expect(look.mock.calls.length).toBeLessThan(26);
    expect(remove).toHaveBeenCalledTimes(2_000);
  });
});

describe("a call's context", () => {
  it("is not that of the timer, and is kept by nothing when the call is over", async () => {
    const { memoryStore, timers } = await loadWithHandTimers();
    const contexts = new AsyncLocalStorage<object>();
    const store = memoryStore();
    const begun = (() => {
      const context = { user: "one" };
      contexts.run(context, () => store.claim("k", request("a")));
      return new WeakRef(context);
    })();
    await soon();
    contexts.run({ user: "two" }, () => timers[0]!.ring());
    await soon();
    expect(timers).toHaveLength(2);
    for (let i = 0; i < 5 && begun.deref(); i += 1) {
      await soon();
      collectGarbage();
    }
    expect(begun.deref()).toBeUndefined();
  });

  it("is nobody's when a real timer of the store rings", async () => {
    vi.useRealTimers();
    const contexts = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const store = memoryStore({
      clock: () => {
        seen.push(contexts.getStore());
        return Date.now();
      },
    });
    contexts.run("call", () => store.claim("k", { ...request("a"), leaseMs: 1, ttlMs: 1 }));
    seen.length = 0;
    await vi.waitFor(() => expect(seen).not.toEqual([]), { timeout: 5_000 });
    expect(seen).toEqual([undefined]);
  });
});

describe("memory", () => {
  const MEGABYTE = 1_048_576;
  const ROUNDS = 32;
  /** A text that shares no memory with another. */
  const big = (i: number) => Buffer.alloc(MEGABYTE, 97 + (i % 26)).toString("latin1");

  /** How many megabytes are in use, once no more garbage is found. */
  async function used(): Promise<number> {
    for (let before = Number.POSITIVE_INFINITY; ; ) {
      // A weak reference lets go of its target at the end of the task only.
      await new Promise(setImmediate);
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      const now = (heapUsed + external) / MEGABYTE;
      if (now > before - 0.5) return now;
      before = now;
    }
  }

  /** How many megabytes more than at first are in use. */
  async function usage(): Promise<() => Promise<number>> {
    const before = await used();
    return async () => (await used()) - before;
  }

  function fill(store: ReturnType<typeof memoryStore>): void {
    for (let i = 0; i < ROUNDS; i += 1) {
      store.claim(`k${i}`, request("a", i % 2 === 0 ? big(i) : undefined));
      if (i % 2 === 1) store.complete(`k${i}`, "a", big(i), TTL);
      if (i % 4 === 2) store.release(`k${i}`, "a");
    }
  }

  it("is free of every record in time, without a call", async () => {
    const { memoryStore, timers } = await loadWithHandTimers();
    const more = await usage();
    const store = memoryStore();
    fill(store);
    expect(await more()).toBeGreaterThan(ROUNDS * 0.5);
    ring(timers, TTL + LEASE);
    expect(await more()).toBeLessThan(ROUNDS * 0.25);
    expect(store.read("k0")).toBeUndefined();
  });

  it("is free of a store that nobody has any more, though its timer is set", async () => {
    const { memoryStore, timers } = await loadWithHandTimers();
    const more = await usage();
    fill(memoryStore());
    expect(await more()).toBeLessThan(ROUNDS * 0.25);
    expect(timers).toHaveLength(1);
    ring(timers);
    await soon();
    expect(timers).toHaveLength(1);
  });
});

describe("Date.now", () => {
  it("is its clock, at 0 too", () => {
    vi.setSystemTime(0);
    const store = memoryStore();
    store.claim("k", request("a"));
    expect(store.read("k")).toMatchObject({ leaseInMs: LEASE, expiresInMs: LEASE + TTL });
    vi.setSystemTime(LEASE);
    expect(store.read("k")).toMatchObject({ status: "uncertain", expiresInMs: TTL });
    vi.setSystemTime(LEASE + TTL);
    expect(store.read("k")).toBeUndefined();
  });
});
