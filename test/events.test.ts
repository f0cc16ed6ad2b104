import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type IdempotencyEvent, memoryStore } from "../src/index.ts";
import { faultyStore } from "../src/testing/index.ts";
import { deferred, pass, processes, recorder, rejection, turn } from "./helpers/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("onEvent", () => {
  it("tells of a run, and of a replay", async () => {
    const { events, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), namespace: "n", onEvent });
    await execute(["a", 1], "1m", () => 1);
    await execute(["a", 1], "1m", () => 2);
    expect(events).toEqual([
      { type: "claimed", key: "a:1", attempt: 1 },
      { type: "completed", key: "a:1", attempt: 1, persisted: true },
      { type: "replayed", key: "a:1", attempt: 1 },
    ]);
  });

  it("tells of a failure and what became of the key", async () => {
    const { events, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent });
    const error = new Error("no");
    await rejection(execute("k", "1m", () => Promise.reject(error)));
    await rejection(execute("k", "1m", () => Promise.reject(error), { onError: () => "store" }));
    await rejection(execute("k", "1m", () => 1));
    expect(events).toEqual([
      { type: "claimed", key: "k", attempt: 1 },
      { type: "failed", key: "k", attempt: 1, error, policy: "release" },
      { type: "claimed", key: "k", attempt: 2 },
      { type: "failed", key: "k", attempt: 2, error, policy: "store" },
      { type: "refused", key: "k", code: "REPLAYED_ERROR" },
    ]);
  });

  it("tells each call that shares a run of its own", async () => {
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

  it("tells once that a call waits for another process, and for how long at the most", async () => {
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
    expect(events).toEqual([
      { type: "waiting", key: "k", attempt: 1, retryAfterMs: 9_000 },
      { type: "replayed", key: "k", attempt: 1 },
    ]);
  });

  it("tells of each refusal with its code", async () => {
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
    expect(refusals).toEqual([
      { type: "refused", key: "k", code: "IN_PROGRESS" },
      { type: "refused", key: "k", code: "KEY_REUSED" },
      { type: "refused", key: "function", code: "RESULT_UNAVAILABLE" },
    ]);
  });

  it("tells why a result cannot be stored", async () => {
    const { events, onEvent } = recorder();
    const { execute } = createIdempotency({ store: memoryStore(), onEvent });
    await execute("k", "1m", () => () => {});
    expect(events).toEqual([
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
    expect(events.filter(({ type }) => type === "long-key")).toEqual([
      { type: "long-key", key: long, length: 257 },
      { type: "long-key", key: long, length: 257 },
    ]);
    const huge = "k".repeat(10_000_000);
    expect(await execute(huge, "1m", () => "huge")).toMatchObject({ value: "huge" });
    expect(await execute(`${huge}x`, "1m", () => "another")).toMatchObject({ value: "another" });
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
