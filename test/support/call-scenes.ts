import { expect } from "vitest";
import {
  type createIdempotency,
  memoryStore,
  type Options,
  ResultUnavailableError,
} from "../../src/index.ts";
import { type Fault, faultyStore } from "../../src/testing.ts";
import { deferred, processes, rejection } from "./calls.ts";

/** The key of every call but one. */
export const KEY = "mira@example.com";

const unavailable = new ResultUnavailableError("unreadable");
const lost = new Error("connection reset");
const left = new Error("the caller left");

/** What happens where an event tells of it, on instances of that making. Each settles by itself. Needs fake timers. */
export function callScenes(create: typeof createIdempotency): Record<string, () => Promise<unknown>> {
  const quiet = (faults: Fault[] = [], options: Options = {}) =>
    create({ store: faultyStore(memoryStore(), faults), lease: "10s", ...options });

  return {
    "a long key": () => quiet().execute(KEY.repeat(300), "1m", () => 1),
    "a replay": async () => {
      const { execute } = quiet();
      await execute(KEY, "1m", () => 1);
      return execute(KEY, "1m", () => 2);
    },
    "a shared run": () => {
      const { execute } = quiet();
      return Promise.all([execute(KEY, "1m", () => 1), execute(KEY, "1m", () => 2)]);
    },
    "a claim that fails once": () =>
      quiet([{ operation: "claim", kind: "fail" }]).execute(KEY, "1m", () => 1),
    "a claim that fails twice": () =>
      rejection(quiet([{ operation: "claim", kind: "fail", times: 2 }]).execute(KEY, "1m", () => 1)),
    "a claim that cannot be read": () =>
      rejection(
        quiet([{ operation: "claim", kind: "fail", error: unavailable }]).execute(KEY, "1m", () => 1),
      ),
    "a late claim": () =>
      rejection(quiet([{ operation: "claim", kind: "delay-reply", by: 20_000 }]).execute(KEY, "1m", () => 1)),
    "an unprotected run": () =>
      quiet([{ operation: "claim", kind: "fail", times: 2 }], { onStoreError: "run" }).execute(
        KEY,
        "1m",
        () => 1,
      ),
    "a result that cannot be stored": async () => {
      const { execute } = quiet();
      expect(await execute(KEY, "1m", () => () => 1)).toMatchObject({ persisted: false });
      return rejection(execute(KEY, "1m", () => 1));
    },
    "a completion that fails": () =>
      quiet([{ operation: "complete", kind: "fail" }]).execute(KEY, "1m", () => 1),
    "a completion that throws": () => {
      const complete = () => {
        throw lost;
      };
      return create({ store: { ...faultyStore(memoryStore()), complete } }).execute(KEY, "1m", () => 1);
    },
    "an error": () => rejection(quiet().execute(KEY, "1m", () => Promise.reject(lost))),
    "an uncertain key": async () => {
      const { execute } = quiet([], { onError: () => "hold" });
      await rejection(execute(KEY, "1m", () => Promise.reject(lost)));
      return rejection(execute(KEY, "1m", () => 1));
    },
    "another fingerprint": async () => {
      const { execute } = quiet();
      await execute(KEY, "1m", () => 1, { fingerprint: "a" });
      return rejection(execute(KEY, "1m", () => 1, { fingerprint: "b" }));
    },
    "a wait for another process": async () => {
      const [a, b] = processes(2);
      const work = deferred();
      const run = create({ store: a! }).execute(KEY, "1m", () => work.promise);
      const waiter = create({ store: b!, waitTimeout: "1s" }).execute(KEY, "1m", () => 1);
      const refused = await rejection(waiter);
      work.resolve("sent");
      return [refused, await run];
    },
    "a lost lease": async () => {
      const { execute, forget } = quiet();
      const work = deferred();
      const run = execute(KEY, "1m", ({ signal }) => {
        signal.addEventListener("abort", () => work.reject(signal.reason));
        return work.promise;
      });
      await forget(KEY);
      return rejection(run);
    },
    "a renewal that fails": async () => {
      const work = deferred();
      const { execute } = quiet([{ operation: "renew", kind: "fail" }]);
      setTimeout(() => work.resolve("sent"), 9_000);
      return execute(KEY, "1m", () => work.promise);
    },
    "a shared error": () => {
      const { execute } = quiet();
      const fail = () => Promise.reject(lost);
      return Promise.all([rejection(execute(KEY, "1m", fail)), rejection(execute(KEY, "1m", fail))]);
    },
    "a shared outage": () => {
      const { execute } = quiet([{ operation: "claim", kind: "fail", times: 2 }]);
      return Promise.all([rejection(execute(KEY, "1m", () => 1)), rejection(execute(KEY, "1m", () => 1))]);
    },
    "an abort before the call": () =>
      rejection(quiet().execute(KEY, "1m", () => 1, { signal: AbortSignal.abort(left) })),
    "an abort while another runs": async () => {
      const { execute } = quiet();
      const work = deferred();
      const controller = new AbortController();
      const run = execute(KEY, "1m", () => work.promise);
      const waiter = rejection(execute(KEY, "1m", () => 1, { signal: controller.signal }));
      controller.abort(left);
      const aborted = await waiter;
      work.resolve("sent");
      return [aborted, await run];
    },
    "a takeover": async () => {
      const { execute } = quiet([], { onError: () => "hold", onUncertain: "rerun" });
      await rejection(execute(KEY, "1m", () => Promise.reject(lost)));
      return execute(KEY, "1m", () => 1);
    },
    "a policy that throws": () => {
      const onError = () => {
        throw new Error("policy");
      };
      return rejection(quiet([], { onError }).execute(KEY, "1m", () => Promise.reject(lost)));
    },
  };
}

const errorOf = (code: string) => expect.objectContaining({ code });
const outcomeOf = (more: object) => expect.objectContaining(more);

/** What each of them comes to. */
export const COMES_TO: Record<string, unknown> = {
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
  "a shared error": [lost, lost],
  "a shared outage": [errorOf("STORE_ERROR"), errorOf("STORE_ERROR")],
  "an abort before the call": left,
  "an abort while another runs": [left, outcomeOf({ value: "sent" })],
  "a takeover": outcomeOf({ value: 1, attempt: 2 }),
  "a policy that throws": lost,
};
