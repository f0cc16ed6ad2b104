import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createIdempotency,
  fingerprint,
  type IdempotencyEvent,
  type IdempotencyListener,
  memoryStore,
} from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";
import { COMES_TO, callScenes, KEY } from "../support/call-scenes.ts";
import { deferred, pass, processes, recorder, rejection, turn } from "../support/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("onEvent", () => {
  it("hears of a run, and a replay", async () => {
    const { events, onEvent } = recorder();
    const { execute, inspect } = createIdempotency({ store: memoryStore(), namespace: "n", onEvent });
    await execute(["a", 1], "1m", () => 1);
    await execute(["a", 1], "1m", () => 2);
    const { idempotencyKey } = (await inspect(["a", 1]))!;
    const about = { key: "a:1", namespace: "n", durationMs: 0, attempt: 1 };
    expect(events).toEqual([
      { type: "claimed", ...about, idempotencyKey, takeover: false },
      { type: "completed", ...about, runMs: 0, persisted: true },
      { type: "replayed", ...about },
    ]);
  });

  it("hears what onResult made of a result, where that is anything but complete", async () => {
    const { events, onEvent } = recorder();
    const policies = ["hold", "release", "complete"] as const;
    for (const policy of policies) {
      const { execute } = createIdempotency({ store: memoryStore(), onEvent, onResult: () => policy });
      await execute("k", "1m", () => 1);
    }
    const completed = events.filter(({ type }) => type === "completed");
    expect(completed.map(event => "policy" in event && event.policy)).toEqual(["hold", "release", false]);
  });

  it("hears of a failure and what became of the key", async () => {
    const { events, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent });
    const error = new Error("no");
    await rejection(execute("k", "1m", () => Promise.reject(error)));
    await rejection(execute("k", "1m", () => Promise.reject(error), { onError: () => "store" }));
    await rejection(execute("k", "1m", () => 1));
    expect(events).toMatchObject([
      { type: "claimed", key: "k", attempt: 1 },
      { type: "failed", key: "k", attempt: 1, error, policy: "release" },
      { type: "claimed", key: "k", attempt: 2 },
      { type: "failed", key: "k", attempt: 2, error, policy: "store" },
      { type: "refused", key: "k", code: "REPLAYED_ERROR" },
    ]);
  });

  it("hears of each call that shares a run", async () => {
    const leader = recorder();
    const follower = recorder();
    const { execute } = createIdempotency({ store: memoryStore() });
    const work = deferred();
    const calls = [
      execute("k", "1m", () => work.promise, { onEvent: leader.onEvent }),
      execute("k", "1m", () => work.promise, { onEvent: follower.onEvent }),
    ];
    work.resolve("sent");
    await Promise.all(calls);
    expect(leader.types()).toEqual(["claimed", "completed"]);
    expect(follower.types()).toEqual(["joined", "replayed"]);
  });

  it("hears once that a call waits for another process, and for how long at most", async () => {
    const [a, b] = processes(2);
    const work = deferred();
    const leader = createIdempotency({ store: a!, lease: "10s" }).execute("k", "1m", () => work.promise);
    await pass(1_000);
    const { events, onEvent } = recorder();
    const waiting = createIdempotency({ store: b! }).execute("k", "1m", () => 1, { onEvent });
    await pass(3_000);
    work.resolve("sent");
    await leader;
    await pass(500);
    await waiting;
    expect(events).toMatchObject([
      { type: "waiting", key: "k", durationMs: 0, attempt: 1, retryAfterMs: 9_000 },
      { type: "replayed", key: "k", attempt: 1 },
    ]);
    expect(events[1]!.durationMs).toBeGreaterThanOrEqual(3_000);
    expect(events[1]!.durationMs).toBeLessThanOrEqual(3_500);
  });

  it("hears of each refusal with its code", async () => {
    const { events, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent });
    const work = deferred();
    const running = execute("k", "1m", () => work.promise, { fingerprint: 1 });
    await rejection(execute("k", "1m", () => 1, { onConflict: "reject" }));
    await rejection(execute("k", "1m", () => 1, { fingerprint: 2 }));
    work.resolve("sent");
    await running;
    await execute("function", "1m", () => () => {});
    await rejection(execute("function", "1m", () => 1));
    const refusals = events.filter(({ type }) => type === "refused");
    expect(refusals).toMatchObject([
      { type: "refused", key: "k", code: "IN_PROGRESS" },
      { type: "refused", key: "k", code: "KEY_REUSED" },
      { type: "refused", key: "function", code: "RESULT_UNAVAILABLE" },
    ]);
  });

  it("hears why a result cannot be stored", async () => {
    const { events, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent });
    await execute("k", "1m", () => () => {});
    expect(events).toMatchObject([
      { type: "claimed", key: "k", attempt: 1 },
      { type: "unstorable", key: "k", attempt: 1, error: expect.any(TypeError) },
      { type: "completed", key: "k", attempt: 1, persisted: false },
    ]);
  });

  it("advises against keys above 256 characters, which work all the same", async () => {
    const { events, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent });
    const long = "k".repeat(257);
    await execute(long, "1m", () => 1);
    expect(await execute(long, "1m", () => 2)).toMatchObject({ value: 1 });
    await execute("k".repeat(256), "1m", () => 1);
    expect(events.filter(({ type }) => type === "long-key")).toMatchObject([
      { type: "long-key", key: long, length: 257 },
      { type: "long-key", key: long, length: 257 },
    ]);
    const huge = "k".repeat(1_000_000);
    expect(await execute(huge, "1m", () => "huge")).toMatchObject({ value: "huge" });
    expect(await execute(`${huge}x`, "1m", () => "another")).toMatchObject({ value: "another" });
  });
});

describe("an event's durations", () => {
  it("are that of the call so far, and of the run alone", async () => {
    const { events, onEvent } = recorder();
    const memory = memoryStore();
    const { execute } = createIdempotency({
      store: faultyStore(memory, [
        { operation: "claim", kind: "delay-reply", by: 200 },
        { operation: "complete", kind: "delay-request", by: 30 },
      ]),
      onEvent,
    });
    const work = deferred();
    const call = execute("k", "1m", () => work.promise);
    await pass(200);
    await pass(5_000);
    work.resolve("sent");
    await pass(30);
    await call;
    expect(events).toMatchObject([
      { type: "claimed", durationMs: 200 },
      { type: "completed", durationMs: 5_230, runMs: 5_000 },
    ]);
  });

  it("are those of a failed run, too", async () => {
    const { events, onEvent } = recorder();
    const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "delay-reply", by: 200 }]);
    const { execute } = createIdempotency({ store, onEvent });
    const work = deferred();
    const call = rejection(execute("k", "1m", () => work.promise));
    await pass(200);
    await pass(700);
    work.reject(new Error("no"));
    await call;
    expect(events.at(-1)).toMatchObject({ type: "failed", durationMs: 900, runMs: 700 });
  });

  it("go by no clock that can be set", async () => {
    const { events, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent });
    const work = deferred();
    const call = execute("k", "1m", () => work.promise);
    vi.setSystemTime(0);
    await pass(10);
    work.resolve("sent");
    await call;
    expect(events.at(-1)).toMatchObject({ durationMs: 10, runMs: 10 });
  });
});

describe("a takeover", () => {
  const claims = async (onUncertain: "reject" | "rerun", onError: "hold" | "release") => {
    const { of, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent, onUncertain });
    await rejection(execute("k", "1m", () => Promise.reject(new Error("no")), { onError: () => onError }));
    await execute("k", "1m", () => 1);
    return of("claimed").map(event => "takeover" in event && event.takeover);
  };

  it("is known from a first claim", async () => {
    expect(await claims("rerun", "hold")).toEqual([false, true]);
  });

  it("is not what a retry after a failure is", async () => {
    expect(await claims("rerun", "release")).toEqual([false, false]);
    expect(await claims("reject", "release")).toEqual([false, false]);
  });

  it("has the same key for the provider", async () => {
    const { of, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent, onUncertain: "rerun" });
    const keys: string[] = [];
    const fn = async ({ idempotencyKey }: { idempotencyKey: string }) => keys.push(idempotencyKey);
    await rejection(
      execute("k", "1m", async run => {
        await fn(run);
        throw new Error("no");
      }),
    );
    await execute("k", "1m", fn);
    expect(of("claimed")).toMatchObject(keys.map(idempotencyKey => ({ idempotencyKey })));
    expect(new Set(keys).size).toBe(1);
  });
});

const ENDINGS = ["completed", "failed", "replayed", "shared-failure", "refused", "aborted"];

/** Makes instances that tell the listener, and counts their calls. */
function heardBy(listener: IdempotencyListener, redactKeys = false) {
  let calls = 0;
  const create: typeof createIdempotency = options => {
    const instance = createIdempotency({ ...options, onEvent: listener, redactKeys });
    const execute: typeof instance.execute = (...args) => {
      calls++;
      return instance.execute(...args);
    };
    return { ...instance, execute };
  };
  return { create, calls: () => calls };
}

describe("every call", () => {
  it.each(Object.keys(COMES_TO))("reports how it ended, once: %s", async name => {
    const { events, onEvent } = recorder();
    const { create, calls } = heardBy(onEvent);
    const outcome = callScenes(create)[name]!();
    await pass(60_000);
    expect(await outcome).toEqual(COMES_TO[name]);
    const endings = events.filter(({ type }) => ENDINGS.includes(type));
    expect(calls()).toBeGreaterThan(0);
    expect(endings).toHaveLength(calls());
  });

  it.each(Object.keys(COMES_TO))("keeps its key to itself with redactKeys: %s", async name => {
    const { events, onEvent } = recorder();
    const outcome = callScenes(heardBy(onEvent, true).create)[name]!();
    await pass(60_000);
    // What the caller gets has the key all the same.
    expect(await outcome).toEqual(COMES_TO[name]);
    const keys = new Set(events.map(({ key }) => key));
    expect(keys).toEqual(new Set([fingerprint(name === "a long key" ? KEY.repeat(300) : KEY)]));
    const shown = inspect(events, { depth: null, showHidden: true }) + JSON.stringify(events);
    expect(shown).not.toContain(KEY);
  });

  it("has its key in its errors where keys are not redacted", async () => {
    const { events, onEvent } = recorder();
    const outcome = callScenes(heardBy(onEvent).create)["a lost lease"]!();
    await pass(60_000);
    await outcome;
    expect(events).toMatchObject([{}, { type: "lease-lost", error: { key: KEY } }, { type: "failed" }]);
  });
});

describe("a redacted error", () => {
  const told = async (error: unknown) => {
    const { of, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent, redactKeys: true });
    expect(await rejection(execute(KEY, "1m", () => Promise.reject(error)))).toBe(error);
    return (of("failed")[0] as { error: unknown }).error;
  };

  it.each([
    [
      Object.assign(new TypeError(`No ${KEY}`), { code: "ENOENT", to: KEY }),
      { name: "TypeError", code: "ENOENT" },
    ],
    [KEY, { name: undefined, code: undefined }],
    [null, { name: undefined, code: undefined }],
  ])("is its name and its code: %#", async (error, shown) => {
    expect(await told(error)).toEqual(shown);
  });

  it("may be one that cannot be read", async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const { events, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent, redactKeys: true });
    const isThrown = await execute(KEY, "1m", () => Promise.reject(proxy)).then(
      () => false,
      error => error === proxy,
    );
    expect(isThrown).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: "failed", error: {} });
  });

  it("is one of a call that says so, where the others do not", async () => {
    const { events, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent });
    await execute(KEY, "1m", () => 1, { redactKeys: true });
    await execute(KEY, "1m", () => 1);
    expect(events.map(({ key }) => key)).toEqual([fingerprint(KEY), fingerprint(KEY), KEY]);
  });
});

describe("a listener without subscribers", () => {
  it("is not called for a call that began without them, and no clock is read", async () => {
    const clock = vi.spyOn(performance, "now");
    const reads = async (onEvent: IdempotencyListener | undefined) => {
      const { execute } = createIdempotency({ store: memoryStore(), onEvent });
      clock.mockClear();
      await execute("k", "1m", () => 1);
      return clock.mock.calls.length;
    };
    const onEvent = Object.assign(vi.fn(), { hasSubscribers: false });
    const without = await reads(undefined);
    expect(await reads(onEvent)).toBe(without);
    expect(onEvent).not.toHaveBeenCalled();
    expect(await reads(Object.assign(onEvent, { hasSubscribers: true }))).toBeGreaterThan(without);
    expect(onEvent).toHaveBeenCalledTimes(2);
    clock.mockRestore();
  });
});

describe("a listener that fails", () => {
  const failures: [string, (event: IdempotencyEvent) => void][] = [
    [
      "throws",
      () => {
        throw new Error("of the listener");
      },
    ],
    ["rejects", (() => Promise.reject(new Error("of the listener"))) as () => void],
    [
      "answers a thenable that throws",
      (() => ({
        then() {
          throw new Error("of the listener");
        },
      })) as () => void,
    ],
  ];

  it.each(failures)("%s: changes nothing", async (_name, onEvent) => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const store = faultyStore(memoryStore(), [
      { operation: "claim", kind: "fail" },
      { operation: "complete", kind: "fail" },
    ]);
    const { execute } = createIdempotency({ store, onEvent });
    const fn = vi.fn(() => "sent");
    expect(await Promise.all([execute("k", "1m", fn), execute("k", "1m", fn)])).toMatchObject([
      { value: "sent", replayed: false },
      { value: "sent", replayed: true },
    ]);
    await pass(100);
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "sent", persisted: true });
    expect(fn).toHaveBeenCalledTimes(1);
    const error = new Error("fn's own");
    expect(await rejection(execute("other", "1m", () => Promise.reject(error)))).toBe(error);
    await turn();
    vi.useRealTimers();
    await new Promise(resolve => setImmediate(resolve));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
