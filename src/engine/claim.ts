import type { ClaimResult } from "../contract/store.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import { elapsedSince, type Moment, moment } from "../util/moment.ts";
import type { Call, Failed } from "./call.ts";
import { inTime, isTimeout, isUnreadable, nonsense, storeError } from "./store-call.ts";

export type Claimed = Extract<ClaimResult, { status: "claimed" }>;
export type Completed = Extract<ClaimResult, { status: "completed" }>;

/** What came of a claim, and when it was sent: what it holds counts from before then (section 6). */
export interface Asked<Answer = ClaimResult | Failed> {
  readonly answer: Answer;
  readonly sentAt: Moment;
}

/**
 * Makes the call's claim, and repeats one that failed once, with the same token: where only the reply was lost, the
 * store knows its own (S2). Answers at once where the store does. Never throws.
 */
export function claim(call: Call): Awaitable<Asked> {
  const sentAt = moment();
  try {
    const answer = inTime(call, ask(call), call.settings.storeTimeoutMs);
    return isPromise(answer) ? claimLater(call, answer, sentAt) : { answer: checked(answer), sentAt };
  } catch (error) {
    return repeat(call, error, sentAt);
  }
}

function ask({ scope, storeKey, token, ttlMs, settings }: Call): Awaitable<ClaimResult> {
  const { leaseMs, fingerprint, onUncertain } = settings;
  const request = { token, ttlMs, leaseMs, fingerprint, rerun: onUncertain === "rerun" };
  if (typeof onUncertain !== "number") return scope.store.claim(storeKey, request);
  return scope.store.claim(storeKey, { ...request, rerunWithinMs: onUncertain });
}

async function claimLater(call: Call, answer: PromiseLike<ClaimResult>, sentAt: Moment): Promise<Asked> {
  try {
    return { answer: checked(await answer), sentAt };
  } catch (error) {
    return isTimeout(error) ? { answer: failed(call, error, false), sentAt } : repeat(call, error, sentAt);
  }
}

async function repeat(call: Call, firstError: unknown, firstSentAt: Moment): Promise<Asked> {
  // Another try would not change what there is to read.
  if (isUnreadable(firstError)) return { answer: failed(call, firstError, false), sentAt: firstSentAt };
  call.emit?.({ type: "store-error", operation: "claim", error: firstError });
  const { storeTimeoutMs } = call.settings;
  const sentAt = moment();
  try {
    const leftMs = Math.max(0, storeTimeoutMs - elapsedSince(firstSentAt));
    return { answer: checked(await inTime(call, ask(call), leftMs, storeTimeoutMs)), sentAt };
  } catch (error) {
    return { answer: failed(call, error, true), sentAt };
  }
}

function failed(call: Call, cause: unknown, isRepeated: boolean): Failed {
  call.emit?.(
    isUnreadable(cause)
      ? { type: "refused", code: cause.code }
      : { type: "store-error", operation: "claim", error: cause },
  );
  const error = storeError("claim", cause, call.key);
  const { late, waitedMs } = isTimeout(cause) ? cause : {};
  return {
    status: "failed",
    error,
    late: late as PromiseLike<ClaimResult> | undefined,
    waitedMs,
    isRepeated,
  };
}

const isText = (value: unknown) => typeof value === "string";
// A number where the store is this process's own.
const isToken = (value: unknown) => isText(value) || typeof value === "number";
const isMs = (value: unknown) => typeof value === "number" && value >= 0;

function checked(answer: ClaimResult): ClaimResult {
  const isSound =
    typeof answer === "object" && answer !== null && Number.isInteger(answer.attempt) && answer.attempt >= 1;
  switch (isSound ? answer.status : undefined) {
    case "claimed":
      if (isToken((answer as { runId: unknown }).runId)) return answer;
      break;
    case "in-progress":
    case "uncertain":
      if (isMs((answer as { retryAfterMs: unknown }).retryAfterMs)) return answer;
      break;
    case "completed":
      if (isText((answer as { outcome: unknown }).outcome)) return answer;
  }
  throw nonsense("claim", "a ClaimResult", answer);
}
