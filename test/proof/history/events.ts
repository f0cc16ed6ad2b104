import { readFileSync } from "node:fs";
import type { ClaimRequest, ClaimResult, Seen } from "../../../src/contract/store.ts";

/** Where and when: `at` is the observer's own time in whole milliseconds, the same for all processes. */
interface Moment {
  at: number;
  /** One life of a process: after a crash the next one has another name. */
  process: string;
}

interface OfCall extends Moment {
  call: string;
  /** The key as the store sees it. */
  key: string;
}

/** A call begins. */
export interface CallEvent extends OfCall {
  type: "call";
  ttlMs: number;
  leaseMs: number;
  waitMs: number;
  storeTimeoutMs: number;
  onUncertain: "reject" | "rerun";
  onConflict: "wait" | "reject";
  onStoreError: "throw" | "run";
  fingerprint?: string | undefined;
  /** The `executeMany` that it is an item of. */
  batch?: string | undefined;
}

/** `fn` begins. `watches` says whether it listens to its signal. */
export interface StartEvent extends OfCall {
  type: "start";
  attempt: number;
  idempotencyKey: string;
  watches: boolean;
}

/** `fn` returned. `storable` is false where no store can keep the value. */
export interface EndEvent extends OfCall {
  type: "end";
  value: unknown;
  storable: boolean;
}

/** `fn` threw. `policy` is what the error should make of the key; `error` names it, each throw anew. */
export interface ThrowEvent extends OfCall {
  type: "throw";
  error: string;
  policy: "release" | "store" | "hold";
}

/** The call got its answer. */
export interface ResultEvent extends OfCall {
  type: "result";
  value: unknown;
  attempt: number;
  replayed: boolean;
  persisted: boolean;
}

/** The call was refused: by an error of the package (`code`), by one that `fn` threw (`error`), or by its own signal. */
export interface RefusedEvent extends OfCall {
  type: "refused";
  code?: string | undefined;
  error?: string | undefined;
  aborted?: boolean | undefined;
}

/** An `executeMany` begins, with an item for each of these calls. */
export interface ManyEvent extends Moment {
  type: "many";
  batch: string;
  calls: readonly string[];
  keys: readonly string[];
  batchSize: number;
}

/** `fn` of an `executeMany` begins, with these of its items. */
export interface BatchEvent extends Moment {
  type: "batch";
  batch: string;
  calls: readonly string[];
  idempotencyKeys: readonly string[];
  idempotencyKey: string;
  /** Whether it listens to its signal. */
  watches: boolean;
}

/** What an `executeMany` gave, by the keys of its outcomes; all of them, unless its reader has left. */
export interface OutcomesEvent extends Moment {
  type: "outcomes";
  batch: string;
  keys: readonly (string | undefined)[];
  hasLeft: boolean;
}

/** The operations of a store that a history tells of. */
export type Operation = "claim" | "renew" | "complete" | "release" | "read" | "settle" | "reopen" | "forget";

interface Asked extends Moment {
  operation: Operation;
  key: string;
  token?: string | undefined;
}

/** A process asks its store. */
export interface SendEvent extends Asked {
  type: "send";
}

/** The store did it, at some time from `sent` to `at`. Without an `answer` nobody knows whether it did. */
export interface StoreEvent extends Asked {
  type: "store";
  sent: number;
  request?: ClaimRequest | undefined;
  leaseMs?: number | undefined;
  ttlMs?: number | undefined;
  outcome?: string | undefined;
  /** The claim that it is about (S11). */
  seen?: Seen | undefined;
  answer?: unknown;
  /** Whether the answer reached the process. */
  heard?: boolean | undefined;
  /** How far apart the clocks of those may be who say what is over, where the store has none of its own. */
  skewMs?: number | undefined;
}

/** What a history is made of: plain data, a line of JSON each where it comes from real processes. */
export type HistoryEvent =
  | CallEvent
  | ManyEvent
  | BatchEvent
  | OutcomesEvent
  | StartEvent
  /** The side effect happened in the world outside. */
  | (OfCall & { type: "effect" })
  | EndEvent
  | ThrowEvent
  /** The run's signal aborted. */
  | (OfCall & { type: "lost"; reason: string })
  /** The caller's own signal aborted. */
  | (OfCall & { type: "abort" })
  | ResultEvent
  | RefusedEvent
  | SendEvent
  | StoreEvent
  /** Somebody settled an uncertain key with that value. */
  | (Moment & { type: "resolve"; key: string; value: unknown })
  | (Moment & { type: "crash" | "pause" | "resume" })
  /** Somebody set the wall clock of the process. */
  | (Moment & { type: "clock"; byMs: number })
  /** The store dropped a record and said so. */
  | (Moment & { type: "evicted"; key: string })
  /** How many records are there when all windows are over. */
  | (Moment & { type: "left"; records: number })
  /** Anything else that a reader of the history may want to see. */
  | (Moment & { type: "note"; text: string });

export type History = readonly HistoryEvent[];

export const isClaimed = (answer: unknown): answer is Extract<ClaimResult, { status: "claimed" }> =>
  (answer as { status?: unknown } | undefined)?.status === "claimed";

/** A promise or clause that was broken, and how. */
export interface Violation {
  promise: string;
  at: number;
  key?: string | undefined;
  message: string;
}

/** Reads histories that processes have written as lines of JSON, and puts them in the order of their times. */
export function readHistories(paths: readonly string[]): HistoryEvent[] {
  const lines = paths.flatMap(path => readFileSync(path, "utf8").split("\n"));
  const events = lines.flatMap(line => {
    try {
      return line === "" ? [] : [JSON.parse(line) as HistoryEvent];
    } catch {
      return []; // The last line of a process that was killed while it wrote.
    }
  });
  return events.sort((a, b) => a.at - b.at);
}
