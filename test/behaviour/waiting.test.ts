import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createIdempotency,
  type Duration,
  type IdempotencyStore,
  memoryStore,
  type Options,
} from "../../src/index.ts";
import { type FaultyStore, faultyStore, gate } from "../../src/testing.ts";
import { countOf, deferred, pass, processes, recorder, rejection, stateOf, turn } from "../support/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A run in one process, and a call in another. */
async function elsewhere({
  hints = false,
  lease = "10s",
  fingerprint,
  memory = memoryStore(),
}: {
  hints?: boolean;
  lease?: Duration;
  fingerprint?: unknown;
  memory?: ReturnType<typeof memoryStore>;
} = {}) {
  const [a, b] = processes(2, { hints, memory }) as [FaultyStore, FaultyStore];
  const work = deferred();
  const leader = createIdempotency({ store: a, lease }).execute("k", "1m", () => work.promise, {
    fingerprint,
  });
  leader.catch(() => {});
  await turn();
  const fn = vi.fn(({ attempt }: { attempt: number }) => `run ${attempt}`);
  const call = (options: Options = {}) => createIdempotency({ store: b }).execute("k", "1m", fn, options);
  return { memory, a, b, work, leader, fn, call };
}

/** Takes a process's power of renewal away, as its death does. */
function kill(store: FaultyStore): void {
  for (const operation of ["renew", "complete", "release"] as const) {
    store.inject({ operation, kind: "hang", times: Number.POSITIVE_INFINITY });
  }
}

describe("a call whose key another process holds", () => {
  it.each([
    ["with hints", true, 10],
    ["without hints", false, 500],
  ])("gets the result soon after it exists, %s", async (_name, hints, withinMs) => {
    const { work, leader, call, fn } = await elsewhere({ hints });
    const waiting = call();
    await pass(9_000);
    expect(await stateOf(waiting)).toBe("pending");
    work.resolve("sent");
    await leader;
    await pass(withinMs);
    expect(await stateOf(waiting)).toBe("fulfilled");
    expect(await waiting).toMatchObject({ value: "sent", replayed: true, persisted: true, attempt: 1 });
    expect(fn).not.toHaveBeenCalled();
  });

  it("asks at once after a short run, and ever more seldom, but twice a second", async () => {
    const { b, call } = await elsewhere();
    const waiting = rejection(call());
    await pass(100);
    expect(countOf(b, "claim")).toBeGreaterThanOrEqual(3);
    await pass(29_900);
    // A poll comes after 250 to 500 ms, the first few sooner.
    expect(countOf(b, "claim")).toBeGreaterThan(60);
    expect(countOf(b, "claim")).toBeLessThan(130);
    await pass(5_000);
    await waiting;
  });

  it("does not ask in lockstep with others", async () => {
    const memory = memoryStore();
    const stores = processes(30, { memory });
    memory.claim("k", { token: "other", ttlMs: 60_000, leaseMs: 60_000 });
    const seconds: number[] = [];
    const calls = stores.map(store => {
      const { claim } = store;
      let claims = 0;
      const timed: IdempotencyStore = {
        ...store,
        claim: (...args) => {
          if (++claims === 12) seconds.push(Date.now());
          return claim(...args);
        },
      };
      return rejection(createIdempotency({ store: timed, waitTimeout: "8s" }).execute("k", "1m", () => 1));
    });
    await pass(8_000);
    await Promise.all(calls);
    expect(seconds).toHaveLength(30);
    expect(new Set(seconds).size).toBeGreaterThan(20);
  });

  it("does not follow a hint in lockstep with others", async () => {
    const memory = memoryStore();
    memory.claim("k", { token: "other", ttlMs: 60_000, leaseMs: 60_000 });
    const asked: number[] = [];
    const calls = processes(30, { memory, hints: true }).map(store => {
      const claim: IdempotencyStore["claim"] = (...args) => {
        asked.push(Date.now());
        return store.claim(...args);
      };
      return createIdempotency({ store: { ...store, claim } }).execute("k", "1m", () => 1);
    });
    await pass(1_000);
    asked.length = 0;
    memory.complete("k", "other", '"sent"', 60_000);
    await pass(10);
    await Promise.all(calls);
    expect(asked).toHaveLength(30);
    expect(new Set(asked).size).toBeGreaterThan(4);
  });

  it("takes its own turn when the key is released", async () => {
    const { work, leader, call, fn } = await elsewhere({ hints: true });
    const waiting = call();
    await pass(1_000);
    work.reject(new Error("no"));
    await rejection(leader);
    await pass(10);
    expect(await waiting).toMatchObject({ value: "run 2", replayed: false, attempt: 2, persisted: true });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("learns that nobody knows, once the holder's lease lapses", async () => {
    const { a, call, fn } = await elsewhere();
    kill(a);
    const waiting = rejection(call());
    await pass(9_500);
    expect(await stateOf(waiting)).toBe("pending");
    await pass(1_000);
    const error = await waiting;
    expect(error).toMatchObject({ code: "OUTCOME_UNKNOWN", key: "k", attempt: 1 });
    expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(59_000);
    expect(fn).not.toHaveBeenCalled();
    a.restore();
  });

  it("takes the key over then, where it chose to run again", async () => {
    const { a, call, fn } = await elsewhere();
    kill(a);
    const waiting = call({ onUncertain: "rerun" });
    await pass(9_500);
    expect(fn).not.toHaveBeenCalled();
    await pass(1_000);
    expect(await waiting).toMatchObject({ value: "run 2", attempt: 2 });
    expect(fn).toHaveBeenCalledTimes(1);
    a.restore();
  });

  it.each(["completes and expires", "is forgotten"])("does not run when the run %s unseen", async how => {
    const { memory, b, work, leader, call, fn } = await elsewhere();
    const { events, onEvent } = recorder();
    const waiting = rejection(call({ onEvent, waitTimeout: "5m", storeTimeout: "5m" }));
    await turn();
    const claim = gate();
    b.inject({ operation: "claim", kind: "delay-request", by: claim });
    await pass(1_000);
    work.resolve("sent");
    await leader;
    if (how === "is forgotten") memory.forget("k");
    else await pass(60_000);
    claim.open();
    await pass(1_000);
    expect(await waiting).toMatchObject({ code: "OUTCOME_UNKNOWN", attempt: 1, retryAfterMs: 0 });
    expect(events.at(-1)).toMatchObject({ type: "refused", code: "OUTCOME_UNKNOWN" });
    expect(fn).not.toHaveBeenCalled();
    expect(memory.read("k")).toBeUndefined();
    expect(await call()).toMatchObject({ replayed: false });
  });

  it.each([
    ["one process", 1],
    ["two processes", 2],
  ])("does not run when another that waited in %s has missed the run too", async (_name, count) => {
    const [a, ...others] = processes(1 + count) as [FaultyStore, ...FaultyStore[]];
    const work = deferred();
    const leader = createIdempotency({ store: a }).execute("k", "5s", () => work.promise);
    await turn();
    const fn = vi.fn();
    const waiting = [0, 1].map(n =>
      rejection(createIdempotency({ store: others[n % count]! }).execute("k", "5s", fn)),
    );
    await pass(1_000);
    work.resolve("sent");
    await leader;
    // Both stand still for longer than the window.
    vi.setSystemTime(Date.now() + 6_000);
    await pass(1_000);
    for (const error of waiting) expect(await error).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    expect(fn).not.toHaveBeenCalled();
  });

  it.each([
    ["a store of this process", (memory: IdempotencyStore) => memory],
    ["a store that takes many at once", (memory: IdempotencyStore) => faultyStore(memory)],
  ])("removes the window that its claim began, in %s, alone and in a batch", async (_name, wrapped) => {
    const memory = memoryStore();
    const { execute, executeMany } = createIdempotency({ store: wrapped(memory) });
    const fn = vi.fn();
    const missed = [
      () => rejection(execute("k", "1m", fn)),
      async () =>
        (await executeMany(["k"], { key: k => k, ttl: "1m" }, fn)).map(o => "reason" in o && o.reason)[0],
    ];
    for (const call of missed) {
      memory.claim("k", { token: "rival", ttlMs: 60_000, leaseMs: 60_000 });
      const waiting = call();
      await pass(100);
      memory.forget("k");
      await pass(5_000);
      expect(await waiting).toMatchObject({ code: "OUTCOME_UNKNOWN" });
      expect(memory.read("k")).toBeUndefined();
    }
    expect(fn).not.toHaveBeenCalled();
  });

  it("says so by storeTimeout, though the store goes down as it gives its claim back", async () => {
    const { memory, b, call } = await elsewhere();
    const waiting = rejection(call({ lease: "1h" }));
    await pass(100);
    for (const operation of ["release", "forget"] as const) {
      b.inject({ operation, kind: "hang", times: Number.POSITIVE_INFINITY });
    }
    memory.forget("k");
    await pass(6_000);
    expect(await stateOf(waiting)).toBe("fulfilled");
    expect(await waiting).toMatchObject({ code: "OUTCOME_UNKNOWN" });
  });

  it("does not run either when another has begun the next window meanwhile, and failed in it", async () => {
    const memory = memoryStore();
    const other = createIdempotency({ store: memory });
    await rejection(other.execute("k", "1m", () => Promise.reject(new Error("no"))));
    const { b, work, leader, call, fn } = await elsewhere({ memory });
    const waiting = rejection(call({ waitTimeout: "5m", storeTimeout: "5m" }));
    await turn();
    const claim = gate();
    b.inject({ operation: "claim", kind: "delay-request", by: claim });
    await pass(1_000);
    work.resolve("sent");
    expect(await leader).toMatchObject({ attempt: 2 });
    await pass(60_000);
    const next = deferred();
    const failing = rejection(other.execute("k", "1m", () => next.promise));
    await turn();
    claim.open();
    await pass(1_000);
    next.reject(new Error("no"));
    await failing;
    await pass(1_000);
    expect(await waiting).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    expect(fn).not.toHaveBeenCalled();
    expect(memory.read("k")).toMatchObject({ status: "released", attempt: 2 });
  });

  it("runs when the run is forgotten unseen, where it chose to run again", async () => {
    const { memory, call, fn } = await elsewhere();
    const waiting = call({ onUncertain: "rerun" });
    await turn();
    memory.forget("k");
    await pass(1_000);
    expect(await waiting).toMatchObject({ value: "run 1", replayed: false, attempt: 1 });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("is refused with another fingerprint, while it runs and after", async () => {
    const { work, leader, call, fn } = await elsewhere({ fingerprint: "a" });
    expect(await rejection(call({ fingerprint: "b" }))).toMatchObject({
      code: "KEY_REUSED",
      key: "k",
      message: expect.stringMatching(/^The key is in use with another fingerprint/),
    });
    work.resolve("sent");
    expect(await leader).toMatchObject({ value: "sent", persisted: true });
    expect(await rejection(call({ fingerprint: "b" }))).toMatchObject({ code: "KEY_REUSED" });
    expect(await call({ fingerprint: "a" })).toMatchObject({ value: "sent" });
    expect(fn).not.toHaveBeenCalled();
  });

  it.each([{ onConflict: "reject" }, { waitTimeout: "0s" }] as const)(
    "is refused at once: %j",
    async options => {
      const { b, call } = await elsewhere();
      await pass(1_000);
      const error = await rejection(call(options));
      expect(error).toMatchObject({
        name: "InProgressError",
        code: "IN_PROGRESS",
        key: "k",
        retryAfterMs: 9_000,
      });
      expect((error as Error).message).toMatch(
        "onConflict" in options ? /this one does not wait / : /this one waited for 0 ms /,
      );
      expect(countOf(b, "claim")).toBe(1);
    },
  );
});

describe("waitTimeout", () => {
  it("is one for all that a call waits for", async () => {
    const memory = memoryStore();
    const [b] = processes(1, { memory });
    const hold = (token: string) => memory.claim("k", { token, ttlMs: 60_000, leaseMs: 60_000 });
    hold("one");
    const waiting = rejection(
      createIdempotency({ store: b!, waitTimeout: "2s" }).execute("k", "1m", () => 1),
    );
    await pass(1_900);
    memory.release("k", "one");
    hold("two");
    await pass(99);
    expect(await stateOf(waiting)).toBe("pending");
    await pass(1);
    const error = await waiting;
    expect(error).toMatchObject({ code: "IN_PROGRESS" });
    expect((error as Error).message).toMatch(/waited for 2000 ms/);
  });
});

describe("a wait that ends while the store is being asked", () => {
  const asked = async (options: Options) => {
    const { b, call, fn, work, leader } = await elsewhere();
    const waiting = rejection(call(options));
    await turn();
    const claim = gate();
    b.inject({ operation: "claim", kind: "delay-reply", by: claim });
    await pass(50);
    return { claim, waiting, fn, end: () => Promise.all([work.resolve("sent"), leader]) };
  };

  it("by waitTimeout, ends once that is answered", async () => {
    const { claim, waiting, fn, end } = await asked({ waitTimeout: "1s" });
    await pass(1_000);
    expect(await stateOf(waiting)).toBe("pending");
    claim.open();
    await turn();
    expect(await stateOf(waiting)).toBe("fulfilled");
    expect(await waiting).toMatchObject({ code: "IN_PROGRESS" });
    expect(fn).not.toHaveBeenCalled();
    await end();
  });

  it("by an abort, ends at once, and asks no more", async () => {
    const controller = new AbortController();
    const { claim, waiting, end } = await asked({ signal: controller.signal });
    const before = vi.getTimerCount();
    controller.abort("left");
    expect(await waiting).toBe("left");
    claim.open();
    await turn();
    expect(vi.getTimerCount()).toBeLessThan(before);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    await end();
  });
});

describe("what a waiter leaves behind", () => {
  it.each([true, false])("is no timer and no listener, hints: %s", async hints => {
    const { memory, work, leader } = await elsewhere({ hints, lease: "11s" }); // no lease of another test ends here
    const signals: AbortSignal[] = [];
    const stores = processes(20, { hints, memory }).map(store => ({
      ...store,
      ...(hints && {
        settled: (key: string, signal: AbortSignal) => {
          signals.push(signal);
          return store.settled!(key, signal);
        },
      }),
    }));
    const callers = stores.map(() => new AbortController().signal);
    const listeners = () => callers.flatMap(signal => getEventListeners(signal, "abort"));
    const before = vi.getTimerCount();
    const calls = stores.map((store, i) =>
      createIdempotency({ store }).execute("k", "1m", () => 1, {
        signal: callers[i],
        waitTimeout: i % 2 === 0 ? "2s" : "30s",
      }),
    );
    const ends = calls.map(call => call.then(() => "shared").catch(error => error.code));
    await pass(3_000);
    expect(vi.getTimerCount()).toBeGreaterThan(before + 10);
    expect(listeners().length).toBeGreaterThan(0);
    work.resolve("sent");
    await leader;
    await pass(500);
    const outcomes = await Promise.all(ends);
    expect(outcomes.filter(end => end === "IN_PROGRESS")).toHaveLength(10);
    expect(outcomes.filter(end => end === "shared")).toHaveLength(10);
    expect(vi.getTimerCount()).toBeLessThanOrEqual(before + 1);
    expect(listeners()).toEqual([]);
    expect(signals.length > 0).toBe(hints);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });
});

describe("a store's hint", () => {
  const hints: [string, IdempotencyStore["settled"]][] = [
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no"))],
    ["never comes", () => new Promise(() => {})],
    ["is no promise", () => undefined as unknown as Promise<void>],
  ];

  it.each(hints)("that %s is not needed", async (_name, settled) => {
    const { b, work, leader } = await elsewhere();
    const waiting = createIdempotency({ store: { ...b, settled } }).execute("k", "1m", () => 1);
    await pass(2_000);
    work.resolve("sent");
    await leader;
    await pass(500);
    expect(await waiting).toMatchObject({ value: "sent" });
  });
});

describe("a hint that comes when its poll is over", () => {
  it("brings on no other", async () => {
    const { b, work, leader } = await elsewhere();
    const settled: IdempotencyStore["settled"] = (_key, signal) =>
      new Promise(resolve => signal.addEventListener("abort", () => resolve()));
    const waiting = createIdempotency({ store: { ...b, settled } }).execute("k", "1m", () => 1);
    await pass(5_000);
    expect(countOf(b, "claim")).toBeGreaterThan(5);
    expect(countOf(b, "claim")).toBeLessThan(30);
    work.resolve("sent");
    await leader;
    await pass(500);
    expect(await waiting).toMatchObject({ value: "sent" });
  });
});

describe("a store that fails while a call waits", () => {
  it("once, is asked again", async () => {
    const { b, work, leader, call } = await elsewhere();
    const { onEvent, of } = recorder();
    const waiting = call({ onEvent });
    await turn();
    b.inject({ operation: "claim", kind: "fail" });
    await pass(1_000);
    expect(of("store-error")).toHaveLength(1);
    work.resolve("sent");
    await leader;
    await pass(500);
    expect(await waiting).toMatchObject({ value: "sent" });
  });

  it("twice, is STORE_ERROR: fn does not run unprotected beside a run that was seen", async () => {
    const { b, call, fn } = await elsewhere();
    const waiting = rejection(call({ onStoreError: "run" }));
    await turn();
    b.inject({ operation: "claim", kind: "fail", times: 2 });
    await pass(1_000);
    expect(await waiting).toMatchObject({ code: "STORE_ERROR", key: "k" });
    expect(fn).not.toHaveBeenCalled();
  });

  it("hangs, ends by storeTimeout", async () => {
    const { b, call } = await elsewhere();
    const waiting = rejection(call({ storeTimeout: "2s" }));
    await turn();
    b.inject({ operation: "claim", kind: "hang" });
    await pass(2_100);
    expect(await waiting).toMatchObject({ code: "STORE_ERROR" });
    b.restore();
  });
});

describe("two waiters of two processes", () => {
  it("run once between them when the key is released", async () => {
    const memory = memoryStore();
    const [a, b, c] = processes(3, { memory, hints: true }) as [FaultyStore, FaultyStore, FaultyStore];
    const work = deferred();
    const leader = rejection(createIdempotency({ store: a }).execute("k", "1m", () => work.promise));
    await turn();
    const fn = vi.fn(() => "second");
    const calls = [b, c].map(store => createIdempotency({ store }).execute("k", "1m", fn));
    await pass(1_000);
    work.reject(new Error("no"));
    await leader;
    await pass(1_000);
    expect((await Promise.all(calls)).map(({ value }) => value)).toEqual(["second", "second"]);
    expect(fn).toHaveBeenCalledTimes(1);
  });
});
