import {
  InProgressError,
  KeyReusedError,
  OutcomeUnknownError,
  type ReplayedError,
  type ResultUnavailableError,
} from "../contract/errors.ts";
import type { Outcome } from "../contract/idempotency.ts";
import type { Settings } from "../contract/options.ts";
import { keptValue } from "../results/kept-value.ts";
import { decodeOutcome } from "../results/outcome-text.ts";
import type { Settled } from "../stores/memory/records.ts";
import type { Call, MakeAnswer } from "./call.ts";
import type { Completed } from "./claim.ts";

export const valueOnly: MakeAnswer = value => value;

export const wholeOutcome = (
  value: unknown,
  replayed: boolean,
  persisted: boolean,
  attempt: number,
  key: string,
): Outcome<unknown> => ({ value, replayed, persisted, attempt, key });

/** P1: the result of an earlier run, or of the one that was shared, read from its text, so that each caller has its own. */
export function replay(
  call: Call,
  { outcome, attempt, fingerprint }: Pick<Completed, "outcome" | "attempt" | "fingerprint">,
  persisted: boolean,
): unknown {
  requireFingerprint(call, fingerprint);
  see(call, attempt);
  return replayed(call, decode(call, outcome), attempt, persisted);
}

/** Says which run a call that has a seat in a batch learns of. */
export function see({ fn }: Call, attempt: number, sharesFailure = false): void {
  if (typeof fn === "object") Object.assign(fn, { attempt, sharesFailure });
}

/** P1: as {@link replay}, from the record of a store in this process's memory. */
export function replayKept(kept: Settled, key: string, settings: Settings, answer: MakeAnswer): unknown {
  const isOwn = typeof kept.runId === "number";
  const value = keptValue(kept, settings.serializer, key, isOwn);
  return answer(value, true, true, kept.history?.attempt ?? 1, key);
}

/** Whether nobody listens, may leave, or has a payload to compare: a replay from memory then needs no call (2 × as fast). */
export function isQuiet({ onEvent, signal, fingerprint }: Settings): boolean {
  return onEvent === undefined && signal === undefined && fingerprint === undefined;
}

/** The answer of a call that did not itself run `fn`. */
export function replayed(call: Call, value: unknown, attempt: number, persisted: boolean): unknown {
  call.emit?.({ type: "replayed", attempt });
  return call.answer(value, true, persisted, attempt, call.key);
}

/** The value of a stored outcome; throws `REPLAYED_ERROR` or `RESULT_UNAVAILABLE`. */
function decode(call: Call, outcome: string): unknown {
  try {
    return decodeOutcome(outcome, call.settings.serializer, call.key);
  } catch (error) {
    call.emit?.({ type: "refused", code: (error as ReplayedError | ResultUnavailableError).code });
    throw error;
  }
}

/** Whether a call's payload is another than the one that its key is used with. If either has none, any matches. */
export function differs({ settings: { fingerprint } }: Call, used: string | undefined): boolean {
  return used !== undefined && fingerprint !== undefined && used !== fingerprint;
}

/** Throws `KEY_REUSED` where the key is in use with another fingerprint. */
export function requireFingerprint(call: Call, used: string | undefined): void {
  if (!differs(call, used)) return;
  call.emit?.({ type: "refused", code: "KEY_REUSED" });
  throw new KeyReusedError(
    "The key is in use with another fingerprint: expected the payload of its first call. Use a different key for each payload.",
    { key: call.key },
  );
}

/** Throws `IN_PROGRESS` where this call does not wait for another's run. */
export function requireWaiting(call: Call, retryAfterMs: number): void {
  const { onConflict, waitMs } = call.settings;
  if (onConflict === "reject" || waitMs === 0) throw inProgress(call, retryAfterMs);
}

export function inProgress(call: Call, retryAfterMs: number): InProgressError {
  const { onConflict, waitMs } = call.settings;
  call.emit?.({ type: "refused", code: "IN_PROGRESS" });
  const why = onConflict === "reject" ? "does not wait" : `waited for ${waitMs} ms`;
  return new InProgressError(
    `Another call holds the key, and this one ${why} (a function that calls the library with its own key waits for itself).`,
    { key: call.key, retryAfterMs },
  );
}

/** P2: nobody knows whether the side effect happened. */
export function outcomeUnknown(call: Call, attempt: number, retryAfterMs: number): OutcomeUnknownError {
  call.emit?.({ type: "refused", code: "OUTCOME_UNKNOWN" });
  see(call, attempt);
  return new OutcomeUnknownError(
    `Run ${attempt} with this key ended without an answer, so nobody knows whether its side effect happened. ` +
      'Find out and `resolve` or `reopen` the key, or choose onUncertain: "rerun".',
    { key: call.key, attempt, retryAfterMs },
  );
}

/** The store's failure, as the call is refused with it. */
export function storeFailed(call: Call, error: unknown): unknown {
  call.emit?.({ type: "refused", code: "STORE_ERROR" });
  return error;
}
