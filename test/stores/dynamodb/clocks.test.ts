import { describe, expect, inject, it, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import { manualClock } from "../../../src/testing.ts";
import { dynamodbScene, LONG, newKey, RERUN, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = dynamodbScene(() => inject("dynamodbUrl"));
const SKEW_MS = 5_000;

/** Two processes whose clocks are apart, and the time itself. */
function processes(aheadMs: number) {
  const time = manualClock(1_800_000_000_000);
  const first = scene.store({ clock: time.now });
  const second = scene.store({ clock: () => time.now() + aheadMs });
  return { time, first, second, key: newKey() };
}

// S9
describe.each([-SKEW_MS, 0, SKEW_MS])("a clock that is ahead by %i ms of the claimant's", aheadMs => {
  it("takes no lease for over while it stands, and each by twice the skew after its end", async () => {
    const { time, first, second, key } = processes(aheadMs);
    await first.claim(key, { token: "a", ...LONG });
    time.advance(LONG.leaseMs - 1);
    const inProgress = { status: "in-progress", attempt: 1 };
    expect(await second.claim(key, { token: "b", ...RERUN })).toMatchObject(inProgress);
    expect(await second.read(key)).toMatchObject({ status: "in-progress" });
    expect(await second.settle(key, "found", LONG.ttlMs)).toBe(false);
    expect(await second.reopen(key)).toBe(false);
    const listed = [];
    for await (const each of second.list!({ prefix: key, status: "uncertain" })) listed.push(each);
    expect(listed).toEqual([]);
    time.advance(2 * SKEW_MS + 1);
    expect(await second.read(key)).toMatchObject({ status: "uncertain", leaseInMs: 0 });
    expect(await second.claim(key, { token: "b", ...RERUN })).toMatchObject({ takeover: true, attempt: 2 });
    expect(await first.complete(key, "a", "late", LONG.ttlMs)).toBe(false);
  });

  it("takes no window for over while it lasts, and each by twice the skew after its end", async () => {
    const { time, first, second, key } = processes(aheadMs);
    await first.claim(key, { token: "a", ...LONG });
    await first.complete(key, "a", "sent", LONG.ttlMs);
    time.advance(LONG.ttlMs - 1);
    expect(await second.claim(key, { token: "b", ...RERUN })).toMatchObject({ outcome: "sent" });
    expect(await second.read(key)).toMatchObject({ status: "completed" });
    await second.purge();
    expect(await second.complete(key, "a", "again", LONG.ttlMs)).toBe(true);
    time.advance(2 * SKEW_MS + 1);
    expect(await second.read(key)).toBeUndefined();
    expect(await second.claim(key, { token: "b", ...LONG })).toMatchObject({ attempt: 1, runId: "b" });
  });

  it("lets a holder settle its claim", async () => {
    const { first, second, key } = processes(aheadMs);
    await first.claim(key, { token: "a", ...LONG });
    expect(await second.renew(key, "a", LONG.leaseMs)).toBe(true);
    expect(await second.release(key, "a")).toBe(true);
    expect(await first.claim(key, { token: "b", ...LONG })).toMatchObject({ attempt: 2 });
    expect(await second.complete(key, "b", "sent", LONG.ttlMs)).toBe(true);
  });

  it("takes a key whose holder has ended its lease for uncertain at once", async () => {
    const { first, second, key } = processes(aheadMs);
    await first.claim(key, { token: "a", ...LONG });
    await first.renew(key, "a", 0);
    expect(await second.read(key)).toMatchObject({ status: "uncertain" });
    expect(await second.claim(key, { token: "b", ...RERUN })).toMatchObject({ takeover: true });
    // By the second clock alone, though the first showed a later time when the lease was ended.
    expect(await second.read(key)).toMatchObject({ leaseInMs: LONG.leaseMs });
    expect(await second.renew(key, "b", LONG.leaseMs)).toBe(true);
  });

  it("extends a lease by the clock of its holder alone", async () => {
    const { time, first, second, key } = processes(aheadMs);
    await first.claim(key, { token: "a", ...LONG });
    await first.release(key, "a");
    await second.claim(key, { token: "b", ...LONG });
    time.advance(1_000);
    expect(await second.renew(key, "b", LONG.leaseMs)).toBe(true);
    expect(await second.read(key)).toMatchObject({ leaseInMs: LONG.leaseMs });
  });

  it("reruns within a provider's memory only while that is sure to last", async () => {
    const { time, first, second, key } = processes(aheadMs);
    const rerunWithinMs = 60_000;
    await first.claim(key, { token: "a", ...LONG, rerunWithinMs });
    await first.renew(key, "a", 0);
    expect(await second.claim(key, { token: "b", ...LONG, rerunWithinMs })).toMatchObject({ attempt: 2 });
    await second.renew(key, "b", 0);
    time.advance(rerunWithinMs - SKEW_MS - Math.min(0, aheadMs));
    const late = { token: "c", ...LONG, rerunWithinMs };
    expect(await second.claim(key, late)).toMatchObject({ status: "uncertain", attempt: 2 });
  });
});

describe("a clock that is further apart than the skew", () => {
  it("takes a lease for over too early: the key is uncertain, and its holder may still complete it", async () => {
    const { first, second, key } = processes(LONG.leaseMs + SKEW_MS);
    await first.claim(key, { token: "a", ...LONG });
    const { execute } = createIdempotency({ store: second, onConflict: "reject" });
    const fn = vi.fn();
    await expect(execute(key, "1m", fn)).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    expect(fn).not.toHaveBeenCalled();
    expect(await first.complete(key, "a", "sent", LONG.ttlMs)).toBe(true);
  });

  it("runs again what it takes for past its window, and of the two only one completes the key", async () => {
    const { first, second, key } = processes(LONG.ttlMs + LONG.leaseMs + SKEW_MS);
    await first.claim(key, { token: "a", ...LONG });
    expect(await second.claim(key, { token: "b", ...LONG })).toMatchObject({ attempt: 1, runId: "b" });
    expect(await first.complete(key, "a", "late", LONG.ttlMs)).toBe(false);
    expect(await second.complete(key, "b", "sent", LONG.ttlMs)).toBe(true);
  });
});

describe("a holder's clock that is set back", () => {
  it("loses no lease: the one that it has lasts longer, and is extended once the clock has caught up", async () => {
    const { time, first, key } = processes(0);
    await first.claim(key, { token: "a", ...LONG });
    time.advance(-10_000);
    expect(await first.renew(key, "a", LONG.leaseMs)).toBe(true);
    expect(await first.read(key)).toMatchObject({ status: "in-progress", leaseInMs: LONG.leaseMs + 10_000 });
    time.advance(10_001);
    expect(await first.renew(key, "a", LONG.leaseMs)).toBe(true);
    expect(await first.read(key)).toMatchObject({ leaseInMs: LONG.leaseMs });
  });
});

describe("what remains", () => {
  it("counts down to the end, and from then on until all agree on that", async () => {
    const { time, first, key } = processes(0);
    await first.claim(key, { token: "a", ...LONG });
    const left = async () => (await first.read(key))?.leaseInMs;
    expect(await left()).toBe(30_000);
    time.advance(29_999);
    expect(await left()).toBe(1);
    time.advance(1);
    expect(await left()).toBe(5_000);
    time.advance(4_999);
    expect(await left()).toBe(1);
    time.advance(1);
    expect(await left()).toBe(0);
  });
});
