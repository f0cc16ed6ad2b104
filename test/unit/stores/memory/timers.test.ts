import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LRUCache } from "lru-cache";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../../src/stores/memory/store.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const LEASE = 1_000;
const TTL = 60_000;
const request = (token: string, fingerprint?: string) => ({ token, ttlMs: TTL, leaseMs: LEASE, fingerprint });
const useFakeTimers = (now = 1_000_250) =>
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now });

beforeEach(() => {
  useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("its timer", () => {
  it("is one for all keys, and gone with the last of them", () => {
    const store = memoryStore();
    expect(vi.getTimerCount()).toBe(0);
    for (let i = 0; i < 100; i += 1) {
      store.claim(`k${i}`, request("a"));
      if (i % 2 === 0) store.complete(`k${i}`, "a", "sent", TTL + i * 100);
      vi.advanceTimersByTime(7);
      expect(vi.getTimerCount()).toBe(1);
    }
    vi.advanceTimersByTime(LEASE + TTL + 10_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("holds no process open", () => {
    vi.useRealTimers();
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    memoryStore().claim("k", request("a"));
    const timers = setTimer.mock.results.map(({ value }) => value as NodeJS.Timeout);
    expect(timers.map(timer => timer.hasRef())).toEqual([false]);
    for (const timer of timers) clearTimeout(timer);
  });

  it("may be a number, as in a browser", () => {
    const setTimer = vi.spyOn(globalThis, "setTimeout").mockReturnValue(7 as unknown as NodeJS.Timeout);
    expect(memoryStore().claim("k", request("a"))).toMatchObject({ status: "claimed" });
    expect(setTimer).toHaveBeenCalledOnce();
  });

  it("comes earlier for a key that ends earlier", () => {
    const store = memoryStore();
    store.claim("long", { ...request("a"), ttlMs: 86_400_000 });
    store.claim("short", request("a"));
    store.complete("short", "a", "sent", 1_000);
    const remove = vi.spyOn(LRUCache.prototype, "delete");
    vi.advanceTimersByTime(2_000);
    expect(remove.mock.calls.map(([key]) => key)).toEqual(["short"]);
    expect(vi.getTimerCount()).toBe(1);
  });

  it("takes its time with many keys, and comes all the same", () => {
    const store = memoryStore();
    for (let i = 0; i < 5_000; i += 1) {
      store.claim(`k${i}`, request("a"));
      store.complete(`k${i}`, "a", "sent", i < 2_500 ? 1_000 : 1_760);
    }
    const remove = vi.spyOn(LRUCache.prototype, "delete");
    vi.advanceTimersByTime(1_750);
    expect(remove).toHaveBeenCalledTimes(2_500);
    vi.advanceTimersByTime(1_000);
    expect(remove).toHaveBeenCalledTimes(5_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is set anew no more often than something ends earlier, or a sweep has come", () => {
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    const store = memoryStore();
    const complete = (key: string, ttlMs: number) => {
      store.claim(key, request("a"));
      store.complete(key, "a", "sent", ttlMs);
    };
    for (let i = 0; i < 100; i += 1) complete(`k${i}`, 2_000);
    store.claim("held", request("a"));
    store.renew("held", "a", LEASE);
    complete("later", 10_000);
    // For the first claim's end, and for the second in which the first of the keys end.
    expect(setTimer).toHaveBeenCalledTimes(2);
    for (const [until, times] of [
      [1_999, 2],
      [2_000, 3],
      [9_999, 3],
      [10_000, 4],
      [LEASE + TTL - 1, 4],
      [LEASE + TTL, 4],
    ] as const) {
      vi.advanceTimersByTime(until - (Date.now() - 1_000_250));
      expect(setTimer).toHaveBeenCalledTimes(times);
    }
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [0, 5],
    [2_000, 20],
  ])("comes less often the more keys there are: of %i the next one is due in %i ms", (keys, delayMs) => {
    const store = memoryStore();
    const complete = (key: string, ttlMs: number) => {
      store.claim(key, request("a"));
      store.complete(key, "a", "sent", ttlMs);
    };
    for (let i = 0; i < keys; i += 1) complete(`k${i}`, TTL);
    complete("first", 1_000);
    store.claim("next", { ...request("a"), ttlMs: 1_005 - LEASE });
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    vi.advanceTimersByTime(1_000);
    expect(setTimer.mock.calls.map(([, ms]) => ms)).toEqual([delayMs]);
  });

  it("needs no timers that were there when the store was made", () => {
    vi.useRealTimers();
    const store = memoryStore();
    store.claim("before", request("a"));
    useFakeTimers(Date.now());
    store.claim("after", { ...request("a"), ttlMs: 2 * TTL });
    expect(vi.getTimerCount()).toBe(1);
    store.complete("after", "a", "sent", 2 * TTL);
    const remove = vi.spyOn(LRUCache.prototype, "delete");
    vi.advanceTimersByTime(3 * TTL);
    expect(remove.mock.calls).toEqual([["after"]]);
    expect(vi.getTimerCount()).toBe(0);
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
    const more = await usage();
    const store = memoryStore();
    fill(store);
    expect(await more()).toBeGreaterThan(ROUNDS * 0.5);
    vi.advanceTimersByTime(TTL + LEASE);
    expect(await more()).toBeLessThan(ROUNDS * 0.25);
    expect(vi.getTimerCount()).toBe(0);
    expect(store.read("k0")).toBeUndefined();
  });

  it("is free of a store that nobody has any more, though its timer is set", async () => {
    const more = await usage();
    fill(memoryStore());
    expect(await more()).toBeLessThan(ROUNDS * 0.25);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(TTL + LEASE);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("Date.now", () => {
  it("is its clock, at 0 too", () => {
    vi.setSystemTime(0);
    const store = memoryStore();
    store.claim("k", request("a"));
    expect(store.read("k")).toMatchObject({ leaseInMs: LEASE, expiresInMs: LEASE + TTL });
    vi.advanceTimersByTime(LEASE);
    expect(store.read("k")).toMatchObject({ status: "uncertain", expiresInMs: TTL });
    vi.setSystemTime(LEASE + TTL);
    expect(store.read("k")).toBeUndefined();
  });
});
