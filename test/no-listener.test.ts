import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore, type Options, ResultUnavailableError } from "../src/index.ts";
import { type Fault, faultyStore } from "../src/testing/index.ts";
import { deferred, pass, processes, rejection } from "./helpers/calls.ts";
import { FOREVER } from "./helpers/faults.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** An instance that nobody listens to. */
function quiet(faults: Fault[] = [], options: Options = {}) {
  const memory = memoryStore();
  const store = faultyStore(memory, faults);
  const instance = createIdempotency({ store, lease: "10s", ...options });
  return { ...instance, memory, store };
}

const unavailable = new ResultUnavailableError("unreadable");
const lost = new Error("connection reset");

// What happens where an event would tell of it, and what the call comes to. Each settles by itself.
const SCENES: Record<string, () => Promise<unknown>> = {
  "a long key": () => quiet().execute("k".repeat(300), "1m", () => 1),
  "a replay": async () => {
    const { execute } = quiet();
    await execute("k", "1m", () => 1);
    return execute("k", "1m", () => 2);
  },
  "a shared run": () => {
    const { execute } = quiet();
    return Promise.all([execute("k", "1m", () => 1), execute("k", "1m", () => 2)]);
  },
  "a claim that fails once": () => quiet([{ operation: "claim", kind: "fail" }]).execute("k", "1m", () => 1),
  "a claim that fails twice": () =>
    rejection(quiet([{ operation: "claim", kind: "fail", times: 2 }]).execute("k", "1m", () => 1)),
  "a claim that cannot be read": () =>
    rejection(quiet([{ operation: "claim", kind: "fail", error: unavailable }]).execute("k", "1m", () => 1)),
  "a late claim": () =>
    rejection(quiet([{ operation: "claim", kind: "delay-reply", by: 20_000 }]).execute("k", "1m", () => 1)),
  "an unprotected run": () =>
    quiet([{ operation: "claim", kind: "fail", times: 2 }], { onStoreError: "run" }).execute(
      "k",
      "1m",
      () => 1,
    ),
  "a result that cannot be stored": async () => {
    const { execute } = quiet();
    expect(await execute("k", "1m", () => () => 1)).toMatchObject({ persisted: false });
    return rejection(execute("k", "1m", () => 1));
  },
  "a completion that fails": () =>
    quiet([{ operation: "complete", kind: "fail" }]).execute("k", "1m", () => 1),
  "a completion that throws": () => {
    const complete = () => {
      throw lost;
    };
    return createIdempotency({ store: { ...faultyStore(memoryStore()), complete } }).execute(
      "k",
      "1m",
      () => 1,
    );
  },
  "an error": () => rejection(quiet().execute("k", "1m", () => Promise.reject(lost))),
  "an uncertain key": async () => {
    const { execute } = quiet([], { onError: () => "hold" });
    await rejection(execute("k", "1m", () => Promise.reject(lost)));
    return rejection(execute("k", "1m", () => 1));
  },
  "another fingerprint": async () => {
    const { execute } = quiet();
    await execute("k", "1m", () => 1, { fingerprint: "a" });
    return rejection(execute("k", "1m", () => 1, { fingerprint: "b" }));
  },
  "a wait for another process": async () => {
    const [a, b] = processes(2);
    const work = deferred();
    const run = createIdempotency({ store: a! }).execute("k", "1m", () => work.promise);
    const waiter = createIdempotency({ store: b!, waitTimeout: "1s" }).execute("k", "1m", () => 1);
    const refused = await rejection(waiter);
    work.resolve("sent");
    return [refused, await run];
  },
  "a lost lease": async () => {
    const { execute, forget } = quiet();
    const work = deferred();
    const run = execute("k", "1m", ({ signal }) => {
      signal.addEventListener("abort", () => work.reject(signal.reason));
      return work.promise;
    });
    await forget("k");
    return rejection(run);
  },
  "a renewal that fails": async () => {
    const work = deferred();
    const { execute } = quiet([{ operation: "renew", kind: "fail" }]);
    setTimeout(() => work.resolve("sent"), 9_000);
    return execute("k", "1m", () => work.promise);
  },
};

const errorOf = (code: string) => expect.objectContaining({ code });
const outcomeOf = (more: object) => expect.objectContaining(more);

const COMES_TO: Record<string, unknown> = {
  "a long key": outcomeOf({ value: 1, persisted: true }),
  "a replay": outcomeOf({ value: 1, replayed: true }),
  "a shared run": [outcomeOf({ value: 1, replayed: false }), outcomeOf({ value: 1, replayed: true })],
  "a claim that fails once": outcomeOf({ value: 1, persisted: true }),
  "a claim that fails twice": errorOf("STORE_ERROR"),
  "a claim that cannot be read": errorOf("RESULT_UNAVAILABLE"),
  "a late claim": errorOf("STORE_ERROR"),
  "an unprotected run": outcomeOf({ value: 1, persisted: false }),
  "a result that cannot be stored": errorOf("RESULT_UNAVAILABLE"),
  "a completion that fails": outcomeOf({ value: 1, persisted: false }),
  "a completion that throws": outcomeOf({ value: 1, persisted: false }),
  "an error": lost,
  "an uncertain key": errorOf("OUTCOME_UNKNOWN"),
  "another fingerprint": errorOf("KEY_REUSED"),
  "a wait for another process": [errorOf("IN_PROGRESS"), outcomeOf({ value: "sent" })],
  "a lost lease": errorOf("LEASE_LOST"),
  "a renewal that fails": outcomeOf({ value: "sent", persisted: true }),
};

describe("where nobody listens", () => {
  it.each(Object.keys(SCENES))("%s comes to what it should", async name => {
    const outcome = SCENES[name]!();
    await pass(60_000);
    expect(await outcome).toEqual(COMES_TO[name]);
  });

  const throwing = () => {
    throw new Error("policy");
  };
  it.each([
    ["throws", throwing],
    ["rejects", () => Promise.reject(new Error("policy"))],
    ["answers something else", () => "retry"],
  ])("a policy that %s holds, and the error reaches the caller", async (_, policy) => {
    const onError = policy as NonNullable<Options["onError"]>;
    const { execute, inspect } = quiet([], { onError });
    expect(await rejection(execute("k", "1m", () => Promise.reject(lost)))).toBe(lost);
    expect(await inspect("k")).toMatchObject({ state: "uncertain" });
  });

  it("a late claim is given back", async () => {
    const { execute, inspect } = quiet([{ operation: "claim", kind: "delay-request", by: 8_000 }]);
    expect(await Promise.all([rejection(execute("k", "1m", () => 1)), pass(60_000)])).toBeTruthy();
    expect(await inspect("k")).toMatchObject({ state: "released" });
  });

  it("a store that stays down is survived", async () => {
    const { execute } = quiet([{ operation: "release", kind: "fail", ...FOREVER }]);
    const failed = rejection(execute("k", "1m", () => Promise.reject(lost)));
    await pass(60_000);
    expect(await failed).toBe(lost);
  });
});
