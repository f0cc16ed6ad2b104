import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type IdempotencyStore, memoryStore, type Options } from "../../src/index.ts";
import { faultyStore, gate } from "../../src/testing.ts";
import { countOf, deferred, pass, processes, recorder, rejection, stateOf, turn } from "../support/calls.ts";

const MANY = 1_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const stores: [string, () => IdempotencyStore][] = [
  ["a store that answers at once", () => memoryStore()],
  ["a store that answers later", () => faultyStore(memoryStore())],
];

describe.each(stores)("a thousand calls at once on %s", (_name, makeStore) => {
  async function callMany(store: IdempotencyStore) {
    const { execute } = createIdempotency({ store });
    const runs: number[] = [];
    const fn = async ({ attempt }: { attempt: number }) => {
      runs.push(attempt);
      await Promise.resolve();
      return { tags: ["a"], attempt };
    };
    const outcomes = await Promise.all(Array.from({ length: MANY }, () => execute("k", "1m", fn)));
    return { runs, outcomes };
  }

  const situations: [string, (store: IdempotencyStore) => Promise<unknown>, number][] = [
    ["a fresh key", async () => {}, 1],
    [
      "an expired key",
      async store => {
        await createIdempotency({ store }).execute("k", "1m", () => "old");
        await pass(60_000);
      },
      1,
    ],
    [
      "a key whose run failed",
      store =>
        rejection(createIdempotency({ store }).execute("k", "1m", () => Promise.reject(new Error("no")))),
      2,
    ],
  ];

  it.each(situations)(
    "%s: one run, the same answer for all, to each a copy",
    async (_situation, before, attempt) => {
      const store = makeStore();
      await before(store);
      const { runs, outcomes } = await callMany(store);
      expect(runs).toEqual([attempt]);
      expect(outcomes).toHaveLength(MANY);
      expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1);
      for (const { value } of outcomes) value.tags.push("mutated");
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({
          value: { tags: ["a", "mutated"], attempt },
          attempt,
          persisted: true,
        });
      }
      expect(new Set(outcomes.map(({ value }) => value)).size).toBe(MANY);
    },
  );

  it("an error: one run, the same error for all, then the next attempt", async () => {
    const store = makeStore();
    const { withIdempotency } = createIdempotency({ store });
    const error = new Error("no");
    const fn = vi.fn(async () => {
      await Promise.resolve();
      throw error;
    });
    const calls = Array.from({ length: MANY }, () => rejection(withIdempotency("k", "1m", fn)));
    expect(new Set(await Promise.all(calls))).toEqual(new Set([error]));
    expect(fn).toHaveBeenCalledTimes(1);
    expect(await withIdempotency("k", "1m", ({ attempt }) => attempt)).toBe(2);
  });
});

/** A run that goes on until the test ends it, and what else calls on its store. */
function running(options: Options = {}) {
  const store = faultyStore(memoryStore());
  const instance = createIdempotency({ store });
  const work = deferred();
  const leader = instance.execute("k", "1m", () => work.promise, options);
  const fn = vi.fn(({ attempt }: { attempt: number }) => `run ${attempt}`);
  const follow = (more: Options = {}) => instance.execute("k", "1m", fn, more);
  return { ...instance, store, work, leader, fn, follow };
}

describe("calls that share a run", () => {
  it("make one claim, and leave no timer behind", async () => {
    const { store, work, leader, follow, fn } = running();
    await turn();
    const before = vi.getTimerCount();
    const followers = Array.from({ length: 50 }, () => follow());
    await turn();
    expect(vi.getTimerCount()).toBe(before + 50);
    work.resolve("sent");
    await Promise.all([leader, ...followers]);
    expect(countOf(store, "claim")).toBe(1);
    expect(countOf(store, "complete")).toBe(1);
    // One more than before: the store's own, which sweeps what has expired.
    expect(vi.getTimerCount()).toBeLessThanOrEqual(before + 1);
    expect(fn).not.toHaveBeenCalled();
  });

  it("keep their own options: reject, and a wait of nothing, are refused at once", async () => {
    const { work, leader, follow, fn } = running({ lease: "10s" });
    await turn();
    for (const options of [{ onConflict: "reject" }, { waitTimeout: "0s" }] as const) {
      const refused = rejection(follow(options));
      await turn();
      expect(await refused).toMatchObject({ code: "IN_PROGRESS", key: "k", retryAfterMs: 10_000 });
    }
    work.resolve("sent");
    expect(await leader).toMatchObject({ value: "sent", persisted: true });
    expect(await follow({ onConflict: "reject" })).toMatchObject({ value: "sent", replayed: true });
    expect(fn).not.toHaveBeenCalled();
  });

  it("keep their own wait timeout", async () => {
    const { work, leader, follow } = running();
    const impatient = rejection(follow({ waitTimeout: "2s" }));
    const patient = follow({ waitTimeout: "1m" });
    await pass(1_999);
    expect(await stateOf(impatient)).toBe("pending");
    await pass(1);
    expect(await impatient).toMatchObject({ code: "IN_PROGRESS", retryAfterMs: 30_000 });
    expect(await stateOf(patient)).toBe("pending");
    work.resolve("sent");
    expect(await patient).toMatchObject({ value: "sent" });
    await leader;
  });

  it("that would not wait wait until it is known whether there is a run", async () => {
    const claim = gate();
    const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "delay-request", by: claim }]);
    const { execute } = createIdempotency({ store });
    const work = deferred();
    const leader = execute("k", "1m", () => work.promise);
    const refused = rejection(execute("k", "1m", () => "second", { onConflict: "reject" }));
    await pass(1_000);
    expect(await stateOf(refused)).toBe("pending");
    claim.open();
    await turn();
    expect(await refused).toMatchObject({ code: "IN_PROGRESS" });
    work.resolve("sent");
    await leader;
  });

  it("get a result that was there already, though they would not wait", async () => {
    const memory = memoryStore();
    await createIdempotency({ store: memory }).execute("k", "1m", () => "earlier");
    const { execute } = createIdempotency({ store: faultyStore(memory) });
    const outcomes = await Promise.all([
      execute("k", "1m", () => "second"),
      execute("k", "1m", () => "third", { onConflict: "reject" }),
    ]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ value: "earlier", replayed: true });
  });

  it("are refused with another fingerprint: while it runs and after, before the claim is known too", async () => {
    const { work, leader, follow, fn } = running({ fingerprint: { amount: 1 } });
    const early = rejection(follow({ fingerprint: { amount: 2 } }));
    await turn();
    expect(await early).toMatchObject({ code: "KEY_REUSED", key: "k" });
    const late = rejection(follow({ fingerprint: { amount: 2 }, onConflict: "reject" }));
    await turn();
    expect(await late).toMatchObject({ code: "KEY_REUSED" });
    const same = follow({ fingerprint: { amount: 1 } });
    const none = follow();
    work.resolve("sent");
    expect(await leader).toMatchObject({ value: "sent", persisted: true });
    expect(await same).toMatchObject({ value: "sent" });
    expect(await none).toMatchObject({ value: "sent" });
    expect(await rejection(follow({ fingerprint: { amount: 2 } }))).toMatchObject({ code: "KEY_REUSED" });
    expect(fn).not.toHaveBeenCalled();
  });

  it("get the value itself where it cannot be stored", async () => {
    const store = faultyStore(memoryStore());
    const { execute } = createIdempotency({ store, fingerprint: 1 });
    const work = deferred<() => void>();
    const leader = execute("k", "1m", () => work.promise);
    const follower = execute("k", "1m", () => work.promise);
    const value = () => {};
    work.resolve(value);
    expect(await leader).toMatchObject({ value, replayed: false, persisted: false });
    expect(await follower).toMatchObject({ value, replayed: true, persisted: false, attempt: 1 });
    expect(await rejection(execute("k", "1m", () => value))).toMatchObject({ code: "RESULT_UNAVAILABLE" });
  });

  it("read the result with their own serializer", async () => {
    const serializer = { stringify: () => "text", parse: (): unknown => "parsed" };
    const { work, leader, follow } = running({ serializer });
    const with_ = follow({ serializer });
    const without = rejection(follow());
    work.resolve("sent");
    expect(await leader).toMatchObject({ value: "sent" });
    expect(await with_).toMatchObject({ value: "parsed" });
    expect(await without).toMatchObject({ code: "RESULT_UNAVAILABLE" });
  });

  it("share nothing where their stores differ, or their keys", async () => {
    const { work, leader } = running();
    const elsewhere = createIdempotency({ store: memoryStore() });
    expect(await elsewhere.execute("k", "1m", () => "elsewhere")).toMatchObject({ value: "elsewhere" });
    work.resolve("sent");
    await leader;
  });
});

describe("a leader's own end", () => {
  it("abort in mid-run: the next one takes its turn", async () => {
    const controller = new AbortController();
    const { store, fn, follow, execute } = (() => {
      const store = faultyStore(memoryStore());
      const instance = createIdempotency({ store, onError: () => "release" });
      const fn = vi.fn(({ attempt }: { attempt: number }) => `run ${attempt}`);
      return { ...instance, store, fn, follow: () => instance.execute("k", "1m", fn) };
    })();
    const leader = rejection(
      execute(
        "k",
        "1m",
        ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
        { signal: controller.signal },
      ),
    );
    const followers = [follow(), follow(), follow()];
    await turn();
    const reason = new Error("user left");
    controller.abort(reason);
    expect(await leader).toBe(reason);
    const outcomes = await Promise.all(followers);
    expect(outcomes.map(({ value }) => value)).toEqual(["run 2", "run 2", "run 2"]);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(countOf(store, "release")).toBe(1);
  });

  it("abort in mid-run that may have sent: the others learn that nobody knows", async () => {
    const controller = new AbortController();
    const { leader, work, follow, fn } = running({ signal: controller.signal });
    const refused = rejection(leader);
    const follower = rejection(follow());
    await turn();
    controller.abort();
    await refused;
    expect(await stateOf(follower)).toBe("pending");
    work.reject(controller.signal.reason);
    await turn();
    expect(await follower).toMatchObject({ code: "OUTCOME_UNKNOWN", attempt: 1 });
    expect(await follow({ onUncertain: "rerun" })).toMatchObject({ value: "run 2" });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("abort, wait timeout: the others go on waiting for the other process", async () => {
    const [a, b] = processes(2);
    const work = deferred();
    const elsewhere = createIdempotency({ store: a! }).execute("k", "1m", () => work.promise);
    await turn();
    const { execute } = createIdempotency({ store: b!, waitTimeout: "20s" });
    const controller = new AbortController();
    const fn = vi.fn(() => "again");
    const first = rejection(execute("k", "1m", fn, { signal: controller.signal }));
    const second = rejection(execute("k", "1m", fn, { waitTimeout: "5s" }));
    const third = execute("k", "1m", fn);
    const fourth = execute("k", "1m", fn);
    await pass(1_000);
    controller.abort();
    expect(await first).toBe(controller.signal.reason);
    await pass(3_999);
    expect(await stateOf(second)).toBe("pending");
    await pass(1);
    expect(await second).toMatchObject({ code: "IN_PROGRESS" });
    work.resolve("sent");
    await pass(500);
    for (const call of [third, fourth]) {
      expect(await call).toMatchObject({ value: "sent", replayed: true, persisted: true });
    }
    await elsewhere;
    expect(fn).not.toHaveBeenCalled();
  });

  it.each<Options>([{ onConflict: "reject" }, { waitTimeout: "0s" }])(
    "no word of the claim: one with %j waits for it, though no longer than for a claim of its own",
    async options => {
      const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "hang" }]);
      const { execute } = createIdempotency({ store, storeTimeout: "1h" });
      const fn = vi.fn(() => "sent");
      const first = execute("k", "1m", fn);
      const second = rejection(execute("k", "1m", fn, { ...options, storeTimeout: "2s" }));
      await pass(1_999);
      expect(await stateOf(second)).toBe("pending");
      await pass(1);
      expect(await second).toMatchObject({ code: "IN_PROGRESS" });
      expect(fn).not.toHaveBeenCalled();
      store.restore();
      expect(await first).toMatchObject({ value: "sent", attempt: 1 });
    },
  );

  it("OUTCOME_UNKNOWN: one that reruns takes its turn", async () => {
    const store = faultyStore(memoryStore());
    const { execute } = createIdempotency({ store });
    await rejection(execute("k", "1m", () => Promise.reject(new Error("no")), { onError: () => "hold" }));
    const refused = rejection(execute("k", "1m", () => "refused"));
    const rerun = execute("k", "1m", ({ attempt }) => `run ${attempt}`, { onUncertain: "rerun" });
    const refusedToo = execute("k", "1m", () => "refused");
    expect(await refused).toMatchObject({ code: "OUTCOME_UNKNOWN", attempt: 1 });
    expect(await rerun).toMatchObject({ value: "run 2", replayed: false });
    expect(await refusedToo).toMatchObject({ value: "run 2", replayed: true });
  });

  it("KEY_REUSED: those with the right fingerprint go on", async () => {
    const [a, b] = processes(2);
    const work = deferred();
    const elsewhere = createIdempotency({ store: a! }).execute("k", "1m", () => work.promise, {
      fingerprint: 1,
    });
    await turn();
    const { execute } = createIdempotency({ store: b! });
    const wrong = rejection(execute("k", "1m", () => "again", { fingerprint: 2 }));
    const right = execute("k", "1m", () => "again", { fingerprint: 1 });
    expect(await wrong).toMatchObject({ code: "KEY_REUSED" });
    work.resolve("sent");
    await elsewhere;
    await pass(500);
    expect(await right).toMatchObject({ value: "sent" });
  });

  it("STORE_ERROR: is shared, but each decides for itself whether to run", async () => {
    const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "fail", times: 2 }]);
    const { execute } = createIdempotency({ store });
    const fn = vi.fn(({ attempt }: { attempt: number }) => `run ${attempt}`);
    const leader = rejection(execute("k", "1m", fn));
    const shares = rejection(execute("k", "1m", fn));
    const runs = execute("k", "1m", fn, { onStoreError: "run" });
    expect(await leader).toMatchObject({ code: "STORE_ERROR" });
    expect(await shares).toBe(await leader);
    expect(await runs).toMatchObject({ value: "run 1", persisted: true });
    expect(fn).toHaveBeenCalledTimes(1);
  });
});

describe("a function that calls itself with its own key", () => {
  it("gets IN_PROGRESS after waitTimeout, and its caller what it makes of that", async () => {
    const { withIdempotency } = createIdempotency({ store: memoryStore(), waitTimeout: "3s" });
    const { events, onEvent } = recorder();
    const inner = vi.fn(() => "inner");
    const call = rejection(withIdempotency("k", "1m", () => withIdempotency("k", "1m", inner), { onEvent }));
    await pass(2_999);
    expect(await stateOf(call)).toBe("pending");
    await pass(1);
    const error = await call;
    expect(error).toMatchObject({ code: "IN_PROGRESS", key: "k" });
    expect((error as Error).message).toMatch(/waited for 3000 ms .*calls the library with its own key/);
    expect(inner).not.toHaveBeenCalled();
    expect(events.at(-1)).toMatchObject({ type: "failed", error, policy: "release" });
  });
});

describe("calls that share a run which does not complete the key", () => {
  it.each(["release", "hold"] as const)(
    "have a result of their own, where onResult says %s (section 9)",
    async policy => {
      const { execute } = createIdempotency({ onResult: () => policy, store: memoryStore() });
      const fn = async (): Promise<{ error?: string }> => ({ error: "busy" });
      const [first, other] = await Promise.all([execute("k", "1m", fn), execute("k", "1m", fn)]);
      delete first.value.error;
      expect(other).toMatchObject({ value: { error: "busy" }, replayed: true, persisted: false });
    },
  );
});
