import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ClaimResult, createIdempotency, memoryStore, type Options } from "../../src/index.ts";
import { type Fault, type FaultyStore, faultyStore, gate } from "../../src/testing.ts";
import { countOf, deferred, pass, recorder, rejection, stateOf, turn } from "../support/calls.ts";
import { FOREVER, setUp } from "../support/faults.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** The tokens with which a store was asked to release. */
const tokens = ({ calls }: Pick<FaultyStore, "calls">) =>
  new Set(calls.filter(({ operation }) => operation === "release").map(({ args }) => args[1] as string));

describe("a claim that times out", () => {
  const slow = (by = gate()) => ({
    claim: by,
    plan: [{ operation: "claim", kind: "delay-request", by }] as Fault[],
  });

  it("is STORE_ERROR at storeTimeout, not repeated, and released when it lands late", async () => {
    const { claim, plan } = slow();
    const { memory, store, heard, fn, call } = setUp(plan, { storeTimeout: "2s" });
    const refused = rejection(call());
    await pass(1_999);
    expect(await stateOf(refused)).toBe("pending");
    await pass(1);
    expect(await refused).toMatchObject({
      code: "STORE_ERROR",
      message: "The store failed to claim: no answer within 2000 ms",
    });
    expect(countOf(store, "claim")).toBe(1);
    await pass(20_000);
    claim.open();
    await turn();
    expect(heard.of("late-claim")).toMatchObject([{ type: "late-claim", key: "k" }]);
    expect(memory.read("k")).toMatchObject({ status: "released" });
    expect(await call()).toMatchObject({ value: "run 2" });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("when it is repeated, is reported with the time that both had", async () => {
    const { store, call } = setUp([], { storeTimeout: "2s" });
    const first = deferred<never>();
    const later = [first.promise, new Promise<never>(() => {})];
    store.claim = () => later.shift()!;
    const refused = rejection(call());
    await pass(1_500);
    first.reject(new Error("the client gave it up"));
    await pass(500);
    expect(await refused).toMatchObject({ message: "The store failed to claim: no answer within 2000 ms" });
  });

  it("and lands late as a takeover, holds what was uncertain before", async () => {
    const { claim, plan } = slow();
    const { memory, call } = setUp(plan, { storeTimeout: "2s", onUncertain: "rerun" });
    memory.claim("k", { token: "dead", ttlMs: 3_600_000, leaseMs: 0 });
    const refused = rejection(call());
    await pass(10_000);
    await refused;
    claim.open();
    await turn();
    expect(memory.read("k")).toMatchObject({ status: "uncertain", attempt: 2 });
  });

  it("and lands late as the first of its window, frees the key, though it might have taken over", async () => {
    const { claim, plan } = slow();
    const { memory, call } = setUp(plan, { storeTimeout: "2s", onUncertain: "rerun" });
    const refused = rejection(call());
    await pass(2_000);
    await refused;
    claim.open();
    await turn();
    expect(memory.read("k")).toMatchObject({ status: "released" });
  });

  /** A store whose claims are answered by the test, and how often it was asked to release since. */
  function unanswered(options: Options = {}) {
    const memory = memoryStore();
    const reply = deferred<ClaimResult>();
    const store: FaultyStore = { ...faultyStore(memory), claim: () => reply.promise };
    const instance = createIdempotency({ store, storeTimeout: "10s", ...options });
    const refused = rejection(instance.execute("k", "1m", () => "run"));
    return { memory, reply, store, refused, releases: () => countOf(store, "release") };
  }

  it("is asked for until it may have landed, though the store knows nothing of it yet", async () => {
    const { memory, store, refused, releases } = unanswered();
    await pass(10_000);
    await refused;
    await pass(5_000);
    expect(releases()).toBeGreaterThan(1);
    const [token] = [...tokens(store)];
    memory.claim("k", { token: token!, ttlMs: 60_000, leaseMs: 60_000 });
    await pass(5_000);
    expect(memory.read("k")).toMatchObject({ status: "released" });
    const asked = releases();
    await pass(60_000);
    expect(releases()).toBe(asked);
  });

  it("is not asked for once the store has answered, and for twice storeTimeout where it never does", async () => {
    const held = { status: "in-progress", attempt: 1, retryAfterMs: 1_000 } as const;
    const counts = [];
    for (const answer of ["never", "another's", "an error"]) {
      const { reply, refused, releases } = unanswered();
      await pass(10_000);
      await refused;
      await pass(50);
      if (answer === "another's") reply.resolve(held);
      if (answer === "an error") reply.reject(new Error("reset"));
      await pass(20_000);
      counts.push(releases());
      await pass(60_000);
      expect(releases()).toBe(counts.at(-1));
    }
    const [never, anothers, failed] = counts as [number, number, number];
    expect([anothers, failed]).toEqual([1, 2]);
    expect(never).toBeGreaterThan(5);
  });

  it("and lands late on a store that fails from then on, is asked for no longer than its lease", async () => {
    const { reply, store, refused, releases } = unanswered({ lease: "5s" });
    await pass(10_000);
    await refused;
    store.inject({ operation: "release", kind: "fail", ...FOREVER });
    reply.resolve({ status: "claimed", attempt: 1, runId: "r", takeover: false });
    await pass(20_000);
    const asked = releases();
    expect(asked).toBeGreaterThan(2);
    await pass(60_000);
    expect(releases()).toBe(asked);
  });

  it("and lands late while the store fails again, is released as soon as that works", async () => {
    const { claim, plan } = slow();
    const { memory, store, call } = setUp(plan, { storeTimeout: "2s" });
    const refused = rejection(call());
    await pass(10_000);
    await refused;
    store.inject({ operation: "release", kind: "fail", times: 3 });
    claim.open();
    await turn();
    expect(memory.read("k")).toMatchObject({ status: "in-progress" });
    await pass(1_000);
    expect(memory.read("k")).toMatchObject({ status: "released" });
  });

  it("and lands late with another's result, changes nothing", async () => {
    const { claim, plan } = slow();
    const { memory, heard, call } = setUp(plan, { storeTimeout: "2s" });
    const refused = rejection(call());
    await pass(2_000);
    await refused;
    await createIdempotency({ store: memory }).execute("k", "1h", () => "another's");
    claim.open();
    await pass(60_000);
    expect(heard.of("late-claim")).toEqual([]);
    expect(memory.read("k")).toMatchObject({ status: "completed" });
  });

  it("and fails after it has landed, is released", async () => {
    const memory = memoryStore();
    const reply = deferred<never>();
    const store = { ...faultyStore(memory), claim: () => reply.promise };
    const call = rejection(createIdempotency({ store, storeTimeout: "2s" }).execute("k", "1m", () => "run"));
    await pass(10_000);
    expect(await call).toMatchObject({ code: "STORE_ERROR" });
    const [token] = [...tokens(store)];
    memory.claim("k", { token: token!, ttlMs: 60_000, leaseMs: 30_000 });
    reply.reject(new Error("connection reset"));
    await turn();
    expect(memory.read("k")).toMatchObject({ status: "released" });
  });

  it("and is answered with nonsense after all, is nothing more", async () => {
    const memory = memoryStore();
    const reply = deferred<never>();
    const store = { ...faultyStore(memory), claim: () => reply.promise };
    const { onEvent, of } = recorder();
    const { execute } = createIdempotency({ store, storeTimeout: "2s", onEvent });
    const call = rejection(execute("k", "1m", () => "run"));
    await pass(2_000);
    expect(await call).toMatchObject({ code: "STORE_ERROR" });
    reply.resolve(undefined as never);
    await pass(60_000);
    expect(of("late-claim")).toEqual([]);
  });

  it("and fails after all, is nothing more", async () => {
    const { claim, plan } = slow();
    const { store, heard, call } = setUp(plan, { storeTimeout: "2s" });
    const refused = rejection(call());
    await pass(2_000);
    await refused;
    store.inject({ operation: "claim", kind: "fail" });
    store.restore();
    claim.open();
    await pass(60_000);
    expect(heard.of("store-error").length).toBeGreaterThanOrEqual(1);
  });

  it("at its repetition, has no more than what is left of storeTimeout", async () => {
    await pass(500);
    const { store, call } = setUp([], { storeTimeout: "2s" });
    const first = gate();
    store.inject({ operation: "claim", kind: "delay-reply", by: first });
    const broken = { ...store };
    const claims: Promise<unknown>[] = [];
    broken.claim = (...args) => {
      const answer = store.claim(...args);
      const failing =
        claims.length === 0 ? Promise.resolve(answer).then(() => Promise.reject(new Error("reset"))) : answer;
      claims.push(Promise.resolve(failing).catch(() => {}));
      return failing;
    };
    store.inject({ operation: "claim", nth: 2, kind: "hang" });
    const refused = rejection(
      createIdempotency({ store: broken, storeTimeout: "2s" }).execute("k", "1m", () => 1),
    );
    await pass(1_500);
    first.open();
    await pass(499);
    expect(await stateOf(refused)).toBe("pending");
    await pass(1);
    expect(await stateOf(refused)).toBe("fulfilled");
    expect(await refused).toMatchObject({ code: "STORE_ERROR" });
    store.restore();
    await pass(60_000);
    expect(await call()).toMatchObject({ replayed: false });
  });

  it.each([false, true])(
    "and runs unprotected, settles the claim if it lands after all; fails: %s",
    async fails => {
      const { claim, plan } = slow();
      const { memory, execute } = setUp(plan, { storeTimeout: "2s", onStoreError: "run", lease: "5s" });
      const work = deferred();
      const running = execute("k", "1m", () => work.promise);
      const ended = fails ? rejection(running) : running;
      await pass(2_000);
      if (fails) work.reject(new Error("no"));
      else work.resolve("sent");
      await ended;
      await pass(20_000);
      claim.open();
      await pass(200);
      expect(memory.read("k")).toMatchObject({ status: fails ? "released" : "completed" });
    },
  );
});

describe("a black hole", () => {
  it.each(["claim", "complete", "release", "renew"] as const)(
    "%s: every call ends by storeTimeout",
    async operation => {
      const { execute, store } = setUp([{ operation, kind: "hang", applied: true, ...FOREVER }], {
        storeTimeout: "3s",
        onError: () => (operation === "renew" ? "hold" : "release"),
      });
      const fails = operation === "release" || operation === "renew";
      const call = execute("k", "1m", () => (fails ? Promise.reject(new Error("no")) : "sent"));
      call.catch(() => {});
      await pass(2_999);
      expect(await stateOf(call)).toBe("pending");
      await pass(1);
      expect(await stateOf(call)).toBe(operation === "complete" ? "fulfilled" : "rejected");
      store.restore();
      await pass(60_000);
    },
  );

  it("with a storeTimeout of nothing, ends at once", async () => {
    const { call, store, fn } = setUp([{ operation: "claim", kind: "hang" }], { storeTimeout: "0s" });
    const refused = rejection(call());
    await pass(1);
    expect(await refused).toMatchObject({ code: "STORE_ERROR" });
    expect(fn).not.toHaveBeenCalled();
    store.restore();
  });
});

describe("a slow store", () => {
  const late = (times: number): Fault[] => [{ operation: "claim", kind: "delay-reply", by: 1_000, times }];

  it("whose answers to claims outlast the lease is asked three times, and is STORE_ERROR then", async () => {
    const { store, fn, call } = setUp(late(Number.POSITIVE_INFINITY), { lease: "1s" });
    const refused = rejection(call());
    await pass(3_000);
    expect(await refused).toMatchObject({
      code: "STORE_ERROR",
      message: "The store failed to claim: its answers take longer than the lease",
    });
    expect(countOf(store, "claim")).toBe(3);
    expect(fn).not.toHaveBeenCalled();
    await pass(60_000);
  });

  it("whose third answer comes in time is used", async () => {
    const { store, call } = setUp(late(2), { lease: "1s" });
    const running = call();
    await pass(2_000);
    expect(await running).toMatchObject({ value: "run 1", attempt: 1, persisted: true });
    expect(countOf(store, "claim")).toBe(3);
  });

  it("that answers at once, though after lease and ttl, does not let it run in another's window (section 6)", async () => {
    const memory = memoryStore();
    const claim: typeof memory.claim = (key, request) => {
      const answer = memory.claim(key, request);
      // The process stands still, and another claims the key meanwhile.
      vi.setSystemTime(Date.now() + 3_000);
      memory.claim(key, { token: "rival", ttlMs: 1_000, leaseMs: 60_000 });
      return answer;
    };
    const store = { ...faultyStore(memory), claim };
    const fn = vi.fn();
    const { execute } = createIdempotency({ store, lease: "1s", onConflict: "reject" });
    expect(await rejection(execute("k", "1s", fn))).toMatchObject({ code: "IN_PROGRESS" });
    expect(fn).not.toHaveBeenCalled();
  });

  it("whose answers take nearly the lease has no two holders", async () => {
    const memory = memoryStore();
    const plan: Fault[] = (["claim", "renew", "complete"] as const).map(operation => ({
      operation,
      kind: "delay-reply",
      by: 900,
      ...FOREVER,
    }));
    let running = 0;
    let most = 0;
    let runs = 0;
    const fn = async () => {
      runs++;
      most = Math.max(most, ++running);
      await new Promise(resolve => setTimeout(resolve, 3_000));
      running--;
      return runs;
    };
    const calls = [1, 2, 3].map(() =>
      createIdempotency({ store: faultyStore(memory, plan), lease: "1s" }).execute("k", "1m", fn),
    );
    const ends = Promise.all(calls.map(call => call.catch(error => error.code)));
    await pass(40_000);
    expect(most).toBe(1);
    expect(runs).toBe(1);
    expect(await ends).toHaveLength(3);
  });
});
