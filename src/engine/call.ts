import type { ResultUnavailableError, StoreError } from "../contract/errors.ts";
import type { Execution } from "../contract/execution.ts";
import { RECOMMENDED_KEY_LENGTH } from "../contract/key.ts";
import type { Settings } from "../contract/options.ts";
import type { ClaimResult } from "../contract/store.ts";
import type { Moment } from "../util/moment.ts";
import { drawToken } from "../util/token.ts";
import { type Emit, emitter } from "./emit.ts";
import type { RunExecution } from "./execution.ts";
import type { CallScope, SharedRun } from "./shared-runs.ts";

/** Makes what a caller gets of an outcome: no object for those who want the value alone. */
export type MakeAnswer = (
  value: unknown,
  replayed: boolean,
  persisted: boolean,
  attempt: number,
  key: string,
) => unknown;

/** A call's place among those of one `executeMany`, which have one `fn` between them. */
export interface Seat {
  readonly host: Host;
  /** The run that its outcome is of, as far as it is known. */
  attempt: number;
  /** Whether it got the failure of a run that it shared. */
  sharesFailure: boolean;
}

/** A value as it is: a promise would adopt one that has a `then`. */
export interface Boxed {
  readonly value: unknown;
}

/** What goes on with the calls of one `executeMany`. */
export interface Host {
  /** Has `fn` run for this call and its companions, and answers with what it gives for this one, in a box of its own. */
  board(seat: Seat, run: Run): Promise<Boxed>;
  /** The call has to wait for another's run, and its companions go without it. */
  leave(seat: Seat): void;
}

/** One call, its arguments checked. Nothing of it changes: what happens to the call is passed on beside it. */
export interface Call {
  /** The key's text, as errors and events show it. */
  readonly key: string;
  /** Under what the store keeps the key. */
  readonly storeKey: string;
  readonly ttlMs: number;
  /** What runs: the caller's own function, or that of a batch in which the call has a seat. */
  readonly fn: ((execution: Execution) => unknown) | Seat;
  /** Makes of the outcome what the caller gets. */
  readonly answer: MakeAnswer;
  readonly settings: Settings;
  /** The store, and the runs of this process on it. */
  readonly scope: CallScope;
  /** Names this call's claim: the same each time that it claims (S2). */
  readonly token: string;
  /** Undefined where nobody listens. */
  readonly emit: Emit | undefined;
}

/** What renews a run's lease: timers of its own, so that they run in its own asynchronous context (section 7). */
export interface LeaseTimer {
  beat: ReturnType<typeof setTimeout>;
  /** Rings when the lease ends, where no renewal succeeds until then; and since when the lease stood. */
  end: ReturnType<typeof setTimeout> | undefined;
  watched: Moment | undefined;
}

/** A claim that could not be made, as far as anybody knows. */
export interface Failed {
  readonly status: "failed";
  /** What the caller is refused with. */
  readonly error: StoreError | ResultUnavailableError;
  /** What the store may answer yet, and how long it was waited for, where it gave no answer in time. */
  readonly late: PromiseLike<ClaimResult> | undefined;
  readonly waitedMs: number | undefined;
  /** Whether it was sent twice, of which either may land yet, whatever the other is answered. */
  readonly isRepeated: boolean;
}

/** A call that runs `fn`, and what changes while it does. */
export interface Run {
  readonly call: Call;
  readonly shared: SharedRun;
  readonly execution: RunExecution;
  /** Whether the claim took an uncertain key over, or may have. */
  readonly takeover: boolean;
  /** The claim that was never seen to be made, where that is how it runs. */
  readonly unclaimed: Failed | undefined;
  /** When `fn` began, by the monotonic clock; 0 where nobody listens. */
  readonly begun: number;
  /** When the claim, or the last renewal that succeeded, was sent: the lease counts from before then. */
  heldSince: Moment;
  /** The claim that is being made once more, where the record expired. */
  reclaiming: PromiseLike<boolean | undefined> | undefined;
  /** When that was first given up: it may have landed unseen, or land yet. Undefined once the store has answered. */
  unheardSince: Moment | undefined;
  /**
   * Whether the lease is kept up: while `fn` is going on, while its outcome is being written, when a refusal may only say
   * that it has been, or no more.
   */
  lease: "running" | "concluding" | "over";
  /** What renews the lease until then. */
  timer: LeaseTimer | undefined;
  /** Whether it ended by a hold. */
  isOnHold: boolean;
  /** Whether it ends without `fn`: its batch went without it. */
  isIdle: boolean;
}

/** What a call is made of. */
export type CallParts = Omit<Call, "token" | "emit">;

export function createCall(parts: CallParts, namespace: string | undefined, token?: string): Call {
  const { key, storeKey, ttlMs, fn, answer, settings, scope } = parts;
  const emit = emitter(key, namespace, settings);
  if (key.length > RECOMMENDED_KEY_LENGTH) emit?.({ type: "long-key", length: key.length });
  // A number where the store is this process's own, for which it is a text like any other: section 10.
  const own = token ?? (scope.local === undefined ? drawToken() : (scope.local.takeToken() as string));
  return { key, storeKey, ttlMs, fn, answer, settings, scope, token: own, emit };
}

/** Throws the reason of the caller's signal once that has aborted. */
export function throwIfAborted({ settings: { signal } }: Call): void {
  if (signal?.aborted) throw signal.reason;
}
