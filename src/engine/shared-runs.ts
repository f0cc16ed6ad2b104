import type { IdempotencyStore } from "../contract/store.ts";
import { type Local, localOf } from "../stores/memory/local.ts";
import { processWide } from "../util/process-wide.ts";
import { backgroundTimer, timersEndWithRequest } from "../util/timers.ts";

/** How a shared run ended, for the calls that share it. */
export type SharedEnd =
  /** `fn` completed, here or elsewhere: each call reads the outcome's text by itself. */
  | {
      type: "completed";
      outcome: string;
      attempt: number;
      persisted: boolean;
      fingerprint?: string | undefined;
    }
  /** `fn` completed with a result that has no text: all share the value itself. */
  | { type: "value"; value: unknown; attempt: number; fingerprint?: string | undefined }
  /** `fn` failed. */
  | { type: "failed"; error: unknown; attempt: number; fingerprint?: string | undefined }
  /** The claim could not be made; `waitedMs` says for how long the store gave no answer, where that was why. */
  | { type: "store-error"; error: unknown; waitedMs: number | undefined }
  /** The leader left for reasons of its own: each call that shared its way takes its own turn. */
  | { type: "left" };

export const LEFT: SharedEnd = { type: "left" };

/**
 * One call of this process on its way through a key, the leader, and what others need to know of it to share its run.
 * Plain data, since the calls may belong to different copies of the package.
 */
export interface SharedRun {
  /** The run that is going on, here or elsewhere; 0 while nobody knows yet who holds the key. */
  attempt: number;
  /** The fingerprint that the key is held with. */
  fingerprint: string | undefined;
  /** The most that remains of the holder's lease. */
  retryAfterMs: number;
  end: SharedEnd | undefined;
  /** Called when `attempt` or `end` changes; made by the first call that shares the run. */
  watchers: Set<() => void> | undefined;
  /** The calls that its leader belongs to, where it is one of an `executeMany`. */
  host: object | undefined;
  /** When its leader last gave a sign of life, by the monotonic clock; only where one can vanish without a word. */
  seenAt: number | undefined;
}

/** The operations by which a call is performed. */
export type RunStore = Pick<
  IdempotencyStore,
  "claim" | "renew" | "complete" | "release" | "forget" | "settled" | "abandoned" | "maxOutcomeBytes"
>;

/** A store, with the runs of this process on it by key. */
export interface StoreScope extends CallScope {
  readonly store: IdempotencyStore;
}

/** As much of it as a call needs. */
export interface CallScope {
  readonly store: RunStore;
  /** What it does beside the interface, where it lives in this process's memory. */
  readonly local: Local | undefined;
  readonly runs: Map<string, SharedRun>;
}

/** The scope that all calls on a store share, including those of every other copy of the package. */
export function scopeOf(store: IdempotencyStore): StoreScope {
  const scopes = processWide("scopes", () => new WeakMap<IdempotencyStore, StoreScope>());
  let scope = scopes.get(store);
  if (scope === undefined) {
    // Never empty: V8 gives a map that becomes so a smaller table, which costs more than all else about it (10 % of a
    // first execution in memory).
    const runs = new Map([[Symbol() as never, newRun()]]);
    scope = { store, local: localOf(store), runs };
    scopes.set(store, scope);
  }
  return scope;
}

const newRun = (): SharedRun => ({
  attempt: 0,
  fingerprint: undefined,
  retryAfterMs: 0,
  end: undefined,
  watchers: undefined,
  host: undefined,
  seenAt: undefined,
});

const PULSE_MS = 250;
const SILENCE_MS = 1_000;

/** Opens a run that others can find by its key. */
export function openRun({ runs }: CallScope, key: string, host?: object): SharedRun {
  const shared = newRun();
  shared.host = host;
  runs.set(key, shared);
  if (timersEndWithRequest) pulse(runs, key, shared);
  return shared;
}

/** Shows that the leader's request lives, while the run is open. */
function pulse(runs: Map<string, SharedRun>, key: string, shared: SharedRun): void {
  shared.seenAt = performance.now();
  backgroundTimer(() => {
    if (runs.get(key) === shared) pulse(runs, key, shared);
  }, PULSE_MS);
}

/** Whether its leader has vanished: the store knows what became of its run. */
export function isSilent({ seenAt }: SharedRun): boolean {
  return seenAt !== undefined && performance.now() - seenAt >= SILENCE_MS;
}

/** The run that others can share, if there is one. */
export function findRun({ runs }: CallScope, key: string): SharedRun | undefined {
  const shared = runs.get(key);
  if (shared === undefined || !isSilent(shared)) return shared;
  runs.delete(key);
  return undefined;
}

function wakeWatchers({ watchers }: SharedRun): void {
  if (watchers === undefined) return;
  for (const wake of [...watchers]) wake();
}

/** Wakes when something changes, or may have; returns what ends that. */
export function watchRun(shared: SharedRun, wake: () => void): () => void {
  const watchers = shared.watchers ?? new Set();
  shared.watchers = watchers.add(wake);
  const timer = shared.seenAt === undefined ? undefined : setTimeout(wake, SILENCE_MS);
  return () => {
    watchers.delete(wake);
    clearTimeout(timer);
  };
}

/** Notes who holds the key, here or elsewhere. */
export function noteHolder(
  shared: SharedRun,
  attempt: number,
  retryAfterMs: number,
  fingerprint: string | undefined,
): void {
  const isNews = shared.attempt !== attempt;
  shared.attempt = attempt;
  shared.retryAfterMs = retryAfterMs;
  shared.fingerprint = fingerprint;
  if (isNews) wakeWatchers(shared);
}

/** Publishes how it ended, to those who share it now and, while it stays open, to those who come. The first end stands. */
export function endRun(shared: SharedRun, end: SharedEnd): void {
  if (shared.end !== undefined) return;
  shared.end = end;
  wakeWatchers(shared);
}

/** Makes way for the next one. */
export function closeRun({ runs }: CallScope, key: string, shared: SharedRun): void {
  if (runs.get(key) === shared) runs.delete(key);
}
