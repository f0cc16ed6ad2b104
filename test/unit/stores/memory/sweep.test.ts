import fc from "fast-check";
import { LRUCache } from "lru-cache";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Claim, Settled } from "../../../../src/stores/memory/records.ts";
import { memoryStore } from "../../../../src/stores/memory/store.ts";
import { NEVER, removeEnded } from "../../../../src/stores/memory/sweep.ts";
import { manualClock } from "../../../../src/testing.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const claimOf = (leaseUntil: number, ttlMs: number): Claim => ({
  token: 1,
  runId: 1,
  attempt: 1,
  fingerprint: undefined,
  takeover: false,
  ttlMs,
  leaseUntil,
  claimedAt: 0,
  runText: undefined,
});
const settledOf = (expiresAt: number): Settled => ({ runId: 1, outcome: "sent", expiresAt, claimedAt: 0 });

it("a sweep removes what is past its time, and says when the first of the rest will be", () => {
  const time = fc.nat(20);
  fc.assert(
    fc.property(fc.array(fc.tuple(time, time)), fc.array(time), time, (held, kept, now) => {
      const claims = new Map(held.map(([lease, ttl], n) => [`${n}`, claimOf(lease, ttl)]));
      const settled = new LRUCache<string, Settled>({ max: 100 });
      for (const [n, expiresAt] of kept.entries()) settled.set(`${n}`, settledOf(expiresAt));
      const ends = [...held.map(([lease, ttl]) => lease + ttl), ...kept];
      const left = ends.filter(end => end > now);
      expect(removeEnded(claims, settled, now)).toBe(Math.min(NEVER, ...left));
      expect(claims.size + settled.size).toBe(left.length);
      expect([...claims.values()].every(({ leaseUntil, ttlMs }) => leaseUntil + ttlMs > now)).toBe(true);
      expect([...settled.values()].every(({ expiresAt }) => expiresAt > now)).toBe(true);
    }),
  );
});

describe("by its calls a store", () => {
  const request = (token: string, ttlMs: number) => ({ token, ttlMs, leaseMs: 1 });

  /** A store with completed keys that end at those times, and when it swept. */
  function setUp(endsAt: readonly number[], options: Parameters<typeof memoryStore>[0] = {}) {
    const clock = manualClock();
    const store = memoryStore({ clock: clock.now, ...options });
    for (const ms of endsAt) {
      store.claim(`ends at ${ms}`, request("a", ms));
      store.complete(`ends at ${ms}`, "a", "sent", ms);
    }
    const begun = clock.now();
    const sweeps: number[] = [];
    const { forEach } = LRUCache.prototype;
    vi.spyOn(LRUCache.prototype, "forEach").mockImplementation(function (this: never, ...args) {
      sweeps.push(clock.now() - begun);
      return forEach.apply(this, args as never);
    });
    const claim = (key: string) => store.claim(key, request("b", 100_000));
    return { store, clock, sweeps, claim };
  }

  it("sweeps when something is past its time, and again after a second", () => {
    const { clock, sweeps, claim } = setUp(Array.from({ length: 30 }, (_, n) => 3_000 + n * 100));
    for (let passed = 0; passed <= 8_000; passed += 100) {
      claim(`at ${passed}`);
      clock.advance(100);
    }
    expect(sweeps).toEqual([3_000, 4_000, 5_000, 6_000]);
  });

  it("makes room meanwhile where it is full, and looks for none while nothing is past its time", () => {
    const { clock, sweeps, claim } = setUp([1_000, 1_500], { maxEntries: 2, onFull: "reject" });
    clock.advance(999);
    expect(() => claim("none is past its time")).toThrow("full");
    expect(sweeps).toEqual([]);
    clock.advance(1);
    expect(claim("one")).toMatchObject({ status: "claimed" });
    clock.advance(500);
    expect(claim("other")).toMatchObject({ status: "claimed" });
    expect(sweeps).toEqual([1_000, 1_500]);
  });

  it("announces no key that was past its time when it was evicted", () => {
    const evicted: string[] = [];
    const onEvict = (key: string) => evicted.push(key);
    const { store, clock, claim } = setUp([1_000, 1_500, 1_501], { maxEntries: 3, onEvict });
    clock.advance(1_000);
    claim("the first sweep");
    clock.advance(500);
    for (const key of ["a", "b", "c"]) {
      claim(key);
      store.complete(key, "b", "sent", 100_000);
    }
    expect(evicted).toEqual(["ends at 1501"]);
  });
});
