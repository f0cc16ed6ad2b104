import type { ClaimResult, Seen } from "../../../src/contract/store.ts";
import type { CallEvent, HistoryEvent, StoreEvent } from "./events.ts";

const TTL_MS = 60_000;
const LEASE_MS = 1_000;

/** Tells histories by hand. All of one key and, unless said, of one process. */
export function storyteller() {
  const events: HistoryEvent[] = [];
  const of = (at: number, call: string, process = "p1") => ({ at, process, call, key: "k" });
  const add = (event: HistoryEvent) => void events.push(event);
  const store = (at: number, operation: StoreEvent["operation"], token: string, more: Partial<StoreEvent>) =>
    add({ type: "store", at, sent: at, process: "p1", operation, key: "k", token, heard: true, ...more });

  const tell = {
    events,
    add,
    call: (at: number, call: string, more: Partial<CallEvent> = {}) =>
      add({
        type: "call",
        ...of(at, call),
        ttlMs: TTL_MS,
        leaseMs: LEASE_MS,
        waitMs: 5_000,
        storeTimeoutMs: 1_000,
        onUncertain: "reject",
        onConflict: "wait",
        onStoreError: "throw",
        ...more,
      }),
    start: (at: number, call: string, attempt = 1, idempotencyKey = "window 1", process = "p1") =>
      add({ type: "start", ...of(at, call, process), attempt, idempotencyKey, watches: true }),
    end: (at: number, call: string, value: unknown = `sent by ${call}`) =>
      add({ type: "end", ...of(at, call), value, storable: true }),
    fail: (at: number, call: string, policy: "release" | "hold" | "store" = "release") =>
      add({ type: "throw", ...of(at, call), error: `error of ${call}`, policy }),
    result: (at: number, call: string, value: unknown, more = {}) =>
      add({ type: "result", ...of(at, call), value, attempt: 1, replayed: false, persisted: true, ...more }),
    replay: (at: number, call: string, value: unknown) => tell.result(at, call, value, { replayed: true }),
    refuse: (at: number, call: string, code: string) => add({ type: "refused", ...of(at, call), code }),
    refuseBy: (at: number, call: string, error: string) => add({ type: "refused", ...of(at, call), error }),
    lost: (at: number, call: string) => add({ type: "lost", ...of(at, call), reason: "LEASE_LOST" }),
    process: (at: number, type: "crash" | "pause" | "resume", process = "p1") => add({ type, at, process }),
    send: (at: number, operation: StoreEvent["operation"], token: string) =>
      add({ type: "send", at, process: "p1", operation, key: "k", token }),
    /** A claim, and its answer. */
    claim: (
      at: number,
      token: string,
      answer: ClaimResult,
      more: Partial<StoreEvent["request"]> = {},
      as = {},
    ) => {
      tell.send(at, "claim", token);
      store(at, "claim", token, {
        request: { token, ttlMs: TTL_MS, leaseMs: LEASE_MS, ...more },
        answer,
        ...as,
      });
    },
    /** A claim that says whether it is a takeover. */
    took: (at: number, token: string, attempt: number, takeover: boolean, more = {}, as = {}) =>
      tell.claim(at, token, { status: "claimed", attempt, runId: "t1", takeover }, more, as),
    claimed: (at: number, token: string, attempt = 1, runId = token, more = {}, as = {}) =>
      // As a store of before takeovers were told would answer.
      tell.claim(at, token, { status: "claimed", attempt, runId } as ClaimResult, more, as),
    uncertain: (at: number, token: string, attempt = 1) =>
      tell.claim(at, token, { status: "uncertain", attempt, retryAfterMs: 1 }),
    inProgress: (at: number, token: string, attempt = 1) =>
      tell.claim(at, token, { status: "in-progress", attempt, retryAfterMs: 1 }),
    completed: (at: number, token: string, outcome: string) =>
      tell.claim(at, token, { status: "completed", attempt: 1, outcome, expiresInMs: 1 }),
    act: (
      at: number,
      operation: "renew" | "complete" | "release",
      token: string,
      answer = true,
      more = {},
    ) => {
      tell.send(at, operation, token);
      store(at, operation, token, { leaseMs: LEASE_MS, ttlMs: TTL_MS, answer, ...more });
    },
    /** What was sent before. */
    settled: (at: number, operation: "complete" | "release", token: string, outcome?: string) =>
      store(at, operation, token, { leaseMs: LEASE_MS, ttlMs: TTL_MS, outcome, answer: true }),
    complete: (at: number, token: string, outcome = `"sent"`, answer = true, more = {}) =>
      tell.act(at, "complete", token, answer, { outcome, ...more }),
    read: (at: number, answer: unknown) => store(at, "read", "", { token: undefined, answer }),
    forget: (at: number) => store(at, "forget", "", { token: undefined, answer: true }),
    /** By somebody who saw a claim. */
    forgetSeen: (at: number, seen: Seen, answer = true) =>
      store(at, "forget", "", { token: undefined, seen, answer }),
    settleSeen: (at: number, seen: Seen, outcome = `"found"`, answer = true) =>
      store(at, "settle", "", { token: undefined, ttlMs: TTL_MS, seen, outcome, answer }),
    left: (at: number, records: number) => add({ type: "left", at, process: "store", records }),
    /** A call that runs, is stored, and gets its result. */
    send1: (at: number, call: string, token: string, more: Partial<CallEvent> = {}) => {
      tell.call(at, call, more);
      tell.claimed(at, token);
      tell.start(at, call, 1, `window of ${token}`);
      tell.end(at + 1, call);
      tell.complete(at + 1, token, `"sent by ${call}"`);
      tell.result(at + 2, call, `sent by ${call}`);
    },
  };
  return tell;
}

export type Storyteller = ReturnType<typeof storyteller>;
