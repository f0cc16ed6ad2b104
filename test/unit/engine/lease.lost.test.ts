import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore } from "../../../src/index.ts";
import { type FaultyStore, faultyStore, manualClock } from "../../../src/testing.ts";
import { countOf, deferred, pass, processes, rejection, stateOf, turn } from "../../support/calls.ts";
import { FOREVER } from "../../support/faults.ts";
import { begin } from "../../support/runs.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a claim that is lost", () => {
  it("aborts the signal as soon as the store says so, and is not renewed any more", async () => {
    const { store, forget, call, work, signalOf, heard } = begin(faultyStore(memoryStore()));
    await forget("k");
    await pass(5_000);
    expect(signalOf().reason).toMatchObject({
      code: "LEASE_LOST",
      message: "The lease on the key is lost: another call holds the key, or it was removed.",
    });
    expect(heard.of("lease-lost")).toHaveLength(1);
    const renewals = countOf(store, "renew");
    await pass(20_000);
    expect(countOf(store, "renew")).toBe(renewals);
    work.resolve("sent");
    expect(await call).toMatchObject({ value: "sent", persisted: false });
  });

  it.each([
    ["at once", () => memoryStore()],
    ["later", () => faultyStore(memoryStore())],
  ])(
    "no longer stands for the key within its process: the next call takes its own turn (a store that answers %s)",
    async (_, make) => {
      const { forget, execute, call, work, inspect } = begin(make());
      const follower = rejection(execute("k", "1m", () => "follower"));
      await forget("k");
      await pass(5_000);
      expect(await follower).toMatchObject({ code: "OUTCOME_UNKNOWN", attempt: 1 });
      await forget("k");
      const successor = execute("k", "1m", ({ attempt }) => `successor ${attempt}`);
      expect(await successor).toMatchObject({ value: "successor 1", replayed: false, persisted: true });
      work.resolve("zombie");
      expect(await call).toMatchObject({ value: "zombie", persisted: false });
      expect(await inspect("k")).toMatchObject({ value: "successor 1" });
    },
  );

  it("does not stand in its successor's way when it fails and the store is down", async () => {
    const { store, forget, execute, call, work } = begin(faultyStore(memoryStore()));
    await forget("k");
    await pass(5_000);
    const next = deferred();
    const successor = execute("k", "1m", () => next.promise);
    await turn();
    store.inject({ operation: "release", kind: "fail", ...FOREVER });
    work.reject(new Error("refused"));
    expect(await rejection(call)).toMatchObject({ message: "refused" });
    next.resolve("successor");
    expect(await successor).toMatchObject({ value: "successor", persisted: true });
    const late = execute("k", "1m", () => "third");
    expect(await stateOf(late)).toBe("fulfilled");
    expect(await late).toMatchObject({ value: "successor", replayed: true });
  });

  it("still stands for the key within its process where nobody knows whether it is lost", async () => {
    const { store, execute, call, work, heard } = begin(faultyStore(memoryStore()));
    store.inject({ operation: "renew", kind: "fail", ...FOREVER });
    const follower = execute("k", "1m", () => "second");
    await pass(12_000);
    expect(heard.of("lease-lost")).toHaveLength(1);
    const newcomer = execute("k", "1m", () => "third");
    work.resolve("sent");
    expect(await call).toMatchObject({ value: "sent", persisted: true });
    expect(await follower).toMatchObject({ value: "sent", replayed: true });
    expect(await newcomer).toMatchObject({ value: "sent", replayed: true });
  });

  it("reaches fn through a signal that it asks for late, too", async () => {
    const store = faultyStore(memoryStore());
    const { execute, forget } = createIdempotency({ store, lease: "10s" });
    const work = deferred();
    const call = execute("k", "1m", async execution => {
      await work.promise;
      return (execution.signal.reason as { code: string }).code;
    });
    await turn();
    await forget("k");
    await pass(5_000);
    work.resolve("go on");
    expect(await call).toMatchObject({ value: "LEASE_LOST" });
  });
});

describe("a zombie, which another process has replaced,", () => {
  /** A's renewals vanish, its lease lapses, and B takes the key over. */
  async function replaced() {
    const [a, b] = processes(2) as [FaultyStore, FaultyStore];
    const zombie = begin(a);
    a.inject({ operation: "renew", kind: "fail", ...FOREVER });
    await pass(10_500);
    const work = deferred();
    const successor = createIdempotency({ store: b, lease: "10s" });
    let idempotencyKey = "";
    const call = successor.execute(
      "k",
      "1m",
      execution => {
        idempotencyKey = execution.idempotencyKey;
        return work.promise;
      },
      { onUncertain: "rerun" },
    );
    await turn();
    expect(await successor.inspect("k")).toMatchObject({ state: "in-progress", attempt: 2, idempotencyKey });
    return { a, zombie, successor: { ...successor, work, call } };
  }

  it.each(["before", "after"])("that succeeds %s its successor: its completion is refused", async when => {
    const { zombie, successor } = await replaced();
    const end = async () => {
      zombie.work.resolve("zombie");
      expect(await zombie.call).toMatchObject({ value: "zombie", replayed: false, persisted: false });
    };
    if (when === "before") await end();
    expect(await successor.inspect("k")).toMatchObject({ state: "in-progress", attempt: 2 });
    successor.work.resolve("successor");
    expect(await successor.call).toMatchObject({ value: "successor", persisted: true, attempt: 2 });
    if (when === "after") await end();
    await pass(20_000);
    expect(await successor.inspect("k")).toMatchObject({ value: "successor", attempt: 2 });
    expect(await zombie.execute("k", "1m", () => "again")).toMatchObject({ value: "successor" });
  });

  it.each(["before", "after"])(
    "that throws %s its successor ends: what it would hold is another's",
    async when => {
      const { a, zombie, successor } = await replaced();
      const error = new Error("late");
      const end = async () => {
        zombie.work.reject(error);
        expect(await rejection(zombie.call)).toBe(error);
      };
      if (when === "before") await end();
      expect(await successor.inspect("k")).toMatchObject({ state: "in-progress", attempt: 2 });
      successor.work.resolve("successor");
      await successor.call;
      if (when === "after") await end();
      expect(countOf(a, "release")).toBe(0);
      expect(await successor.inspect("k")).toMatchObject({ state: "completed", value: "successor" });
    },
  );

  it("that fails with its signal's reason does not make its successor's key uncertain", async () => {
    const { a, zombie, successor } = await replaced();
    a.restore();
    zombie.work.reject(zombie.signalOf().reason);
    expect(await rejection(zombie.call)).toMatchObject({ code: "LEASE_LOST" });
    expect(await successor.inspect("k")).toMatchObject({ state: "in-progress", attempt: 2 });
    successor.work.resolve("successor");
    expect(await successor.call).toMatchObject({ persisted: true });
  });

  it("learns of it by its next renewal that gets through", async () => {
    const { a, zombie, successor } = await replaced();
    a.restore();
    await pass(3_000);
    expect(zombie.heard.of("lease-lost")).toHaveLength(2);
    expect(await stateOf(zombie.call)).toBe("pending");
    zombie.work.resolve("zombie");
    successor.work.resolve("successor");
    expect(await zombie.call).toMatchObject({ persisted: false });
    await successor.call;
  });
});

describe("an event loop that is blocked past the lease", () => {
  // What a busy loop does: the store's clock goes on while no timer of this process rings.
  it("and whom nobody replaced, completes", async () => {
    const clock = manualClock();
    const store = memoryStore({ clock: clock.now });
    const { execute } = createIdempotency({ store, lease: "10s" });
    const outcome = await execute("k", "1m", () => {
      clock.advance(20_000);
      return "sent";
    });
    expect(outcome).toMatchObject({ value: "sent", persisted: true });
    expect(await execute("k", "1m", () => "again")).toMatchObject({ value: "sent" });
  });

  it("and whom another replaced, is refused at completion, no heartbeat needed", async () => {
    const clock = manualClock();
    const store = memoryStore({ clock: clock.now });
    const { execute } = createIdempotency({ store, lease: "10s" });
    const outcome = await execute("k", "1m", () => {
      clock.advance(20_000);
      store.claim("k", { token: "rival", ttlMs: 60_000, leaseMs: 10_000, rerun: true });
      store.complete("k", "rival", '"rival"\n', 60_000);
      return "sent";
    });
    expect(outcome).toMatchObject({ value: "sent", persisted: false });
    expect(await execute("k", "1m", () => "again")).toMatchObject({ value: "rival", attempt: 2 });
  });

  it("and whose record is gone by now, does not complete it anew", async () => {
    const clock = manualClock();
    const store = memoryStore({ clock: clock.now });
    const { execute } = createIdempotency({ store, lease: "10s" });
    const outcome = await execute("k", "1m", () => {
      clock.advance(70_000);
      return "sent";
    });
    expect(outcome).toMatchObject({ value: "sent", persisted: false });
  });
});
