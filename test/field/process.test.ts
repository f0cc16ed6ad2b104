import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type IdempotencyStore, memoryStore } from "../../src/index.ts";
import { type Fault, type FaultyStore, faultyStore, gate } from "../../src/testing.ts";
import { deferred, pass, processes, recorder, rejection, turn } from "../support/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** The wall clock goes on while every timer and the monotonic clock stand still, as on a suspended machine. */
function suspend(ms: number): void {
  const real = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => real() + ms);
}

/** As while a synchronous function blocks the process: all clocks go on, and no timer rings. */
function block(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
  const real = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => real() + ms);
}

describe("a machine that is suspended", () => {
  it("between the claim and its answer claims anew before fn starts", async () => {
    const [store, other] = processes(2) as [
      IdempotencyStore & ReturnType<typeof faultyStore>,
      IdempotencyStore,
    ];
    const late = gate();
    store.inject({ operation: "claim", kind: "delay-reply", by: late });
    const { execute } = createIdempotency({ store, lease: "2s", storeTimeout: "24h" });
    const fn = vi.fn(() => "sleeper");
    const sleeper = execute("k", "1h", fn);
    await turn();
    suspend(10_000);
    const waker = createIdempotency({ store: other, onUncertain: "rerun" });
    expect(await waker.execute("k", "1h", () => "waker")).toMatchObject({ value: "waker" });
    late.open();
    expect(await sleeper).toMatchObject({ value: "waker", replayed: true });
    expect(fn).not.toHaveBeenCalled();
  });
});

describe("a process that is blocked for longer than lease and ttl", () => {
  it("by a synchronous fn runs it once, and remembers its result", async () => {
    const { execute } = createIdempotency({ store: memoryStore(), lease: "1s" });
    let runs = 0;
    const send = () => {
      block(3_000);
      return ++runs;
    };
    expect(await execute("k", "1s", send)).toMatchObject({ value: 1, persisted: true });
    expect(await execute("k", "1s", send)).toMatchObject({ value: 1, replayed: true });
  });

  it("beside an asynchronous fn shares that run with whoever comes", async () => {
    const heard = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), lease: "1s", onEvent: heard.onEvent });
    const work = deferred();
    const fn = vi.fn(() => work.promise);
    const first = execute("k", "1s", fn);
    await turn();
    block(2_300);
    await pass(700);
    const second = execute("k", "1s", fn);
    await pass(100);
    work.resolve("sent");
    expect(await first).toMatchObject({ value: "sent", persisted: true });
    expect(await second).toMatchObject({ value: "sent", replayed: true });
    expect(fn).toHaveBeenCalledTimes(1);
    expect(heard.of("lease-lost")).toEqual([]);
  });

  it("gives way where another process has the key by then", async () => {
    const [store, other] = processes(2) as unknown as [IdempotencyStore, IdempotencyStore];
    const { execute } = createIdempotency({ store, lease: "1s" });
    const work = deferred();
    const first = execute("k", "1s", () => work.promise);
    await turn();
    block(2_300);
    const next = createIdempotency({ store: other });
    const successor = deferred();
    const second = next.execute("k", "1h", () => successor.promise);
    await pass(500);
    work.resolve("zombie");
    expect(await first).toMatchObject({ value: "zombie", persisted: false });
    successor.resolve("successor");
    expect(await second).toMatchObject({ value: "successor", persisted: true });
    expect(await next.inspect("k")).toMatchObject({ value: "successor" });
  });
});

describe("a run that claims its expired record once more", () => {
  /** A run of a blocked process, which claims anew as soon as a renewal says that its record is gone. */
  async function blocked(kind: "delay-request" | "delay-reply") {
    const [store, other] = processes(2) as unknown as [
      IdempotencyStore & ReturnType<typeof faultyStore>,
      IdempotencyStore,
    ];
    const idempotency = createIdempotency({ store, lease: "1s" });
    const work = deferred();
    const call = idempotency.execute("k", "1s", () => work.promise);
    // Each test reads how it ends, later than it does.
    call.catch(() => {});
    await turn();
    block(2_300);
    const reclaim = gate();
    store.inject({ operation: "claim", kind, by: reclaim });
    return { call, work, reclaim, ...idempotency, next: createIdempotency({ store: other }) };
  }

  const underWay = [
    ["before it lands", "delay-request"],
    ["before its answer comes", "delay-reply"],
  ] as const;

  it.each(underWay)("and succeeds %s is remembered", async (_, kind) => {
    const { call, work, reclaim, next } = await blocked(kind);
    await pass(300);
    work.resolve("sent");
    await turn();
    reclaim.open();
    expect(await call).toMatchObject({ value: "sent", persisted: true });
    expect(await next.execute("k", "1s", () => "again")).toMatchObject({ value: "sent", replayed: true });
  });

  it.each(underWay)("and is cut off in transit %s is uncertain", async (_, kind) => {
    const { call, work, reclaim, inspect, next } = await blocked(kind);
    await pass(300);
    work.reject(Object.assign(new Error("read"), { code: "ECONNRESET" }));
    await turn();
    reclaim.open();
    expect(await rejection(call)).toMatchObject({ code: "ECONNRESET" });
    expect(await inspect("k")).toMatchObject({ state: "uncertain" });
    expect(await rejection(next.execute("k", "1s", () => "again"))).toMatchObject({
      code: "OUTCOME_UNKNOWN",
    });
  });

  it.each(underWay)("and fails for certain %s is free", async (_, kind) => {
    const { call, work, reclaim, next } = await blocked(kind);
    await pass(300);
    work.reject(new Error("refused"));
    await turn();
    reclaim.open();
    expect(await rejection(call)).toMatchObject({ message: "refused" });
    expect(await next.execute("k", "1s", () => "next")).toMatchObject({ value: "next", replayed: false });
  });

  /** A run of a blocked process, which ends when its record is gone, and of which the next `faults` go wrong. */
  async function blockedToTheEnd(faults: readonly Fault[], storeTimeoutMs = 100) {
    const [store, other] = processes(2) as [FaultyStore, FaultyStore];
    const storeTimeout = { milliseconds: storeTimeoutMs };
    const idempotency = createIdempotency({ store, lease: "1s", storeTimeout });
    const work = deferred();
    const call = idempotency.execute("k", "1m", () => work.promise);
    await turn();
    block(62_000);
    store.inject(...faults);
    return { call, work, ...idempotency, next: createIdempotency({ store: other }) };
  }

  it.each<[string, Fault]>([
    ["by a claim that lands late", { operation: "claim", kind: "delay-request", by: 250 }],
    ["by a second claim, where the first is lost", { operation: "claim", kind: "hang" }],
    ["though the first completion is lost", { operation: "complete", kind: "fail" }],
  ])("is remembered later, %s", async (_, fault) => {
    const { call, work, next } = await blockedToTheEnd([fault]);
    work.resolve("sent");
    await pass(200);
    expect(await call).toMatchObject({ value: "sent", persisted: false });
    await pass(1_000);
    expect(await next.execute("k", "1m", () => "again")).toMatchObject({ value: "sent", replayed: true });
  });

  it("is remembered later, by claims that land when their leases would be over", async () => {
    const late: Fault = { operation: "claim", kind: "delay-request", by: 1_200, times: 2 };
    const { call, work, next } = await blockedToTheEnd([late], 1_000);
    work.resolve("sent");
    await pass(1_100);
    expect(await call).toMatchObject({ value: "sent", persisted: false });
    await pass(2_000);
    expect(await next.execute("k", "1m", () => "again")).toMatchObject({ value: "sent", replayed: true });
  });

  it("is free when it fails for certain, though its claim lands after that", async () => {
    const { call, work, next } = await blockedToTheEnd([
      { operation: "renew", kind: "answer", value: false },
      { operation: "claim", kind: "delay-request", by: 350 },
    ]);
    // A renewal that finds the record gone claims it once more, in vain for now.
    await pass(350);
    work.reject(new Error("refused"));
    expect(await rejection(call)).toMatchObject({ message: "refused" });
    await pass(1_000);
    expect(await next.execute("k", "1m", () => "next")).toMatchObject({ value: "next", replayed: false });
  });

  it("is not recorded in a window after its own, where it may have been in that", async () => {
    const [store] = processes(1) as [FaultyStore];
    const { execute, inspect } = createIdempotency({ store, lease: "1s" });
    store.inject({ operation: "complete", kind: "lose-reply" });
    expect(await execute("k", "1s", () => "sent")).toMatchObject({ persisted: false });
    block(3_000);
    await pass(1_000);
    expect(await inspect("k")).toBeUndefined();
  });

  it("keeps others from a key that one has used and released meanwhile", async () => {
    const { call, work, reclaim, next } = await blocked("delay-request");
    reclaim.open();
    await rejection(next.execute("k", "1h", () => Promise.reject(new Error("refused"))));
    work.resolve("sent");
    expect(await call).toMatchObject({ value: "sent", persisted: true });
    expect(await next.execute("k", "1s", () => "again")).toMatchObject({ value: "sent", replayed: true });
  });
});

describe("a claim that was sent twice, of which one is answered late and the other lands later", () => {
  it("frees no key that it has taken over since (P2)", async () => {
    const [store, other] = processes(2) as [FaultyStore, FaultyStore];
    const [landing, answer] = [gate(), gate()];
    store.inject(
      { operation: "claim", kind: "land-late", by: landing },
      { operation: "claim", nth: 2, kind: "delay-reply", by: answer },
    );
    const options = { onUncertain: "rerun", storeTimeout: { milliseconds: 200 } } as const;
    const late = rejection(createIdempotency({ store, ...options }).execute("k", "1m", () => "not run"));
    await pass(300);
    expect(await late).toMatchObject({ code: "STORE_ERROR" });
    const { execute, inspect } = createIdempotency({ store: other });
    const cut = Object.assign(new Error("read"), { code: "ECONNRESET" });
    await rejection(execute("k", "1m", () => Promise.reject(cut), { onUncertain: "rerun" }));
    landing.open();
    await turn();
    expect(await inspect("k")).toMatchObject({ state: "in-progress", attempt: 3 });
    answer.open();
    await pass(1_000);
    expect(await inspect("k")).toMatchObject({ state: "uncertain", attempt: 3 });
    expect(await rejection(execute("k", "1m", () => "again"))).toMatchObject({ code: "OUTCOME_UNKNOWN" });
  });
});

describe("an answer that arrived while the process was blocked", () => {
  it("counts before its timeout does", async () => {
    const memory = memoryStore();
    const answers: (() => void)[] = [];
    const claim: IdempotencyStore["claim"] = (key, request) =>
      new Promise(resolve => answers.push(() => resolve(memory.claim(key, request))));
    const { execute } = createIdempotency({ store: { ...faultyStore(memory), claim }, storeTimeout: "1s" });
    const call = execute("k", "1h", () => "sent");
    block(1_200);
    // The timer rings late; the socket is read after it.
    setTimeout(() => answers[0]!(), 1_000);
    await pass(1_001);
    expect(await call).toMatchObject({ value: "sent", persisted: true });
  });
});

describe("calls of one process", () => {
  it("do not get a leader's own storeTimeout for their answer", async () => {
    const store = faultyStore(memoryStore(), [
      { operation: "claim", kind: "delay-reply", by: 200, times: 9 },
    ]);
    const { execute } = createIdempotency({ store });
    const leader = rejection(execute("k", "1m", () => "leader", { storeTimeout: { milliseconds: 50 } }));
    const follower = execute("k", "1m", () => "follower");
    const hasty = rejection(execute("k", "1m", () => "hasty", { storeTimeout: { milliseconds: 10 } }));
    await pass(1_000);
    expect(await leader).toMatchObject({ code: "STORE_ERROR" });
    expect(await hasty).toMatchObject({ code: "STORE_ERROR" });
    expect(await follower).toMatchObject({ value: "follower" });
  });

  it("never join a run whose key is held with another fingerprint", async () => {
    const { execute } = createIdempotency({ store: memoryStore() });
    const fails = () => Promise.reject(new Error("refused"));
    await rejection(execute("k", "1m", fails, { fingerprint: { cents: 500 } }));
    const work = deferred();
    const second = execute("k", "1m", () => work.promise);
    await turn();
    const other = rejection(execute("k", "1m", () => "900", { fingerprint: { cents: 900 } }));
    expect(await other).toMatchObject({ code: "KEY_REUSED" });
    work.resolve("500");
    expect(await second).toMatchObject({ value: "500", attempt: 2 });
  });

  it("run after forget, and do not join the run that was forgotten", async () => {
    const { execute, forget, inspect } = createIdempotency({ store: memoryStore() });
    const work = deferred();
    const forgotten = execute("k", "1m", () => work.promise);
    await turn();
    expect(await forget("k")).toBe(true);
    expect(await execute("k", "1m", () => "next")).toMatchObject({ value: "next", replayed: false });
    work.resolve("forgotten");
    expect(await forgotten).toMatchObject({ value: "forgotten", persisted: false });
    expect(await inspect("k")).toMatchObject({ value: "next" });
  });
});

describe("a call's asynchronous context", () => {
  const context = new AsyncLocalStorage<string>();

  it("is that of its renewals, its events and its end, and of no other call's", async () => {
    // A fake timer rings in the context of whoever moves the clock.
    vi.useRealTimers();
    const seen: [string, string | undefined][] = [];
    const note = (what: string) => seen.push([what, context.getStore()]);
    const store = faultyStore(memoryStore());
    const renew: IdempotencyStore["renew"] = (key, ...rest) => {
      note(`renew ${key}`);
      return store.renew(key, ...rest);
    };
    const { execute } = createIdempotency({
      store: { ...store, renew },
      lease: "1s",
      onEvent: ({ type, key }) => note(`${type} ${key}`),
    });
    const work = deferred();
    const controller = new AbortController();
    const calls = ["a", "b"].map(key =>
      context.run(key, () => execute(key, "1m", () => work.promise, { signal: controller.signal })),
    );
    const follower = context.run("c", () => execute("a", "1m", () => "not run", { onConflict: "wait" }));
    await new Promise(resolve => setTimeout(resolve, 700));
    const left = context.run("d", () =>
      rejection(execute("b", "1m", () => 1, { signal: controller.signal })),
    );
    await new Promise(resolve => setTimeout(resolve, 10));
    context.run("who aborts", () => controller.abort());
    expect(await left).toMatchObject({ name: "AbortError" });
    for (const call of calls) await rejection(call);
    work.resolve("sent");
    await follower;
    const wrong = seen.filter(([what, at]) => {
      const [type, key] = what.split(" ");
      const followers = { joined: ["c", "d"], replayed: ["c"], aborted: ["a", "b", "d"] }[type!];
      return followers === undefined ? at !== key : !followers.includes(at!);
    });
    expect(wrong).toEqual([]);
    expect(seen.filter(([what]) => what.startsWith("renew")).length).toBeGreaterThan(2);
  });
});

describe("a result policy", () => {
  const answer = { status: 503 };

  it.each([
    ["release", "released"],
    ["hold", "uncertain"],
    ["complete", "completed"],
  ] as const)("that says %s leaves the key %s, and the caller its result", async (policy, state) => {
    const { execute, inspect } = createIdempotency({ store: memoryStore(), onResult: () => policy });
    const work = deferred<object>();
    const first = execute("k", "1m", () => work.promise);
    const sharer = execute("k", "1m", () => ({}));
    work.resolve(answer);
    const persisted = policy === "complete";
    expect(await first).toMatchObject({ value: answer, persisted });
    expect(await sharer).toMatchObject({ value: answer, replayed: true, persisted });
    expect(await inspect("k")).toMatchObject({ state });
  });

  it.each([
    ["throws", () => Promise.reject(new Error("of the policy"))],
    ["answers another word", () => "retry"],
  ])("that %s completes, and an event says so", async (_, onResult) => {
    const heard = recorder();
    const { execute } = createIdempotency({
      store: memoryStore(),
      onResult: onResult as never,
      onEvent: heard.onEvent,
    });
    expect(await execute("k", "1m", () => answer)).toMatchObject({ persisted: true });
    expect(heard.of("policy-error")).toHaveLength(1);
  });

  it("frees no key that a run took over", async () => {
    const { execute, inspect } = createIdempotency({ store: memoryStore(), onUncertain: "rerun" });
    await rejection(execute("k", "1m", () => Promise.reject(new Error("cut")), { onError: () => "hold" }));
    await execute("k", "1m", () => answer, { onResult: () => "release" });
    expect(await inspect("k")).toMatchObject({ state: "uncertain", attempt: 2 });
  });
});

describe("a failed takeover", () => {
  it("leaves the key uncertain, unless the failure is stored", async () => {
    const { execute, inspect } = createIdempotency({ store: memoryStore() });
    const fails = () => Promise.reject(new Error("connect ECONNREFUSED"));
    await rejection(execute("k", "1m", fails, { onError: () => "hold" }));
    await rejection(execute("k", "1m", fails, { onUncertain: "rerun" }));
    expect(await inspect("k")).toMatchObject({ state: "uncertain", attempt: 2 });
    expect(await rejection(execute("k", "1m", () => "sent"))).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    await rejection(execute("k", "1m", fails, { onUncertain: "rerun", onError: () => "store" }));
    expect(await inspect("k")).toMatchObject({ state: "completed", attempt: 3 });
  });
});

describe("a large result", () => {
  it("completes the key without being kept, and says so", async () => {
    const store = memoryStore();
    const { execute } = createIdempotency({ store, maxResultBytes: 10 });
    expect(await execute("fits", "1m", () => "12345678")).toMatchObject({ persisted: true });
    expect(await execute("k", "1m", () => "é2345678")).toMatchObject({ value: "é2345678", persisted: false });
    const error = await rejection(execute("k", "1m", () => 1));
    expect(error).toMatchObject({ code: "RESULT_UNAVAILABLE" });
    expect((error as Error).message).toContain("maxResultBytes");
  });

  it("is judged by the store's own limit where that is less", async () => {
    const store = Object.assign(faultyStore(memoryStore()), { maxOutcomeBytes: 10 });
    const { execute } = createIdempotency({ store });
    expect(await execute("fits", "1m", () => "12345678")).toMatchObject({ persisted: true });
    expect(await execute("k", "1m", () => "123456789")).toMatchObject({ persisted: false });
    const fn = vi.fn();
    expect(await rejection(execute("k", "1m", fn))).toMatchObject({ code: "RESULT_UNAVAILABLE" });
    expect(fn).not.toHaveBeenCalled();
  });

  it("may be the error that onError stores: it completes the key without the error", async () => {
    const store = Object.assign(faultyStore(memoryStore()), { maxOutcomeBytes: 4_096 });
    const { execute, inspect } = createIdempotency({ store, onError: () => "store" });
    const error = new Error("x".repeat(5_000));
    expect(await rejection(execute("k", "1m", () => Promise.reject(error)))).toBe(error);
    expect(await inspect("k")).toMatchObject({ state: "completed" });
    const later = await rejection(execute("k", "1m", () => 1));
    expect(later).toMatchObject({ code: "RESULT_UNAVAILABLE" });
    expect((later as Error).message).toContain("its error was not stored: it takes more than 4096 bytes");
  });

  it("is no value to resolve a key with", async () => {
    const store = Object.assign(faultyStore(memoryStore()), { maxOutcomeBytes: 4_096 });
    const { execute, resolve, inspect } = createIdempotency({ store, onError: () => "hold" });
    await rejection(execute("k", "1m", () => Promise.reject(new Error("cut"))));
    const error = await rejection(resolve("k", "1m", "x".repeat(4_095)));
    expect(error).toMatchObject({ code: "INVALID_OPTION", cause: expect.any(RangeError) });
    expect(await inspect("k")).toMatchObject({ state: "uncertain" });
    expect(await resolve("k", "1m", "x".repeat(4_094))).toBe(true);
  });
});

describe("an event", () => {
  it("survives JSON.stringify with its error, and names the namespace", async () => {
    const heard = recorder();
    const { execute } = createIdempotency({
      store: memoryStore(),
      namespace: "emails",
      onEvent: heard.onEvent,
    });
    const error = Object.assign(new Error("refused"), { code: 42, self: {} as unknown, big: 1n });
    error.self = error;
    await rejection(execute("k", "1m", () => Promise.reject(error)));
    const [failed] = heard.of("failed");
    expect(failed).toMatchObject({ error, namespace: "emails" });
    expect(JSON.parse(JSON.stringify(failed))).toMatchObject({
      type: "failed",
      namespace: "emails",
      error: { name: "Error", message: "refused", code: 42 },
    });
  });
});

describe("a store that rejects with what cannot even be read", () => {
  it("is a store that fails", async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const store = { ...faultyStore(memoryStore()), claim: () => Promise.reject(proxy) };
    const call = createIdempotency({ store: store as never }).execute("k", "1m", () => 1);
    expect(await rejection(call)).toMatchObject({ code: "STORE_ERROR" });
  });
});
