import type { ClaimResult } from "../contract/store.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import type { Call } from "./call.ts";
import { isUnreadable, nonsense, StoreTimeout, storeError, within } from "./store-call.ts";

/**
 * Makes the call's claim, and repeats one that failed once, with the same token: where only the reply was lost, the
 * store knows its own. Answers at once where the store does. Rejects with `STORE_ERROR`, and with
 * `RESULT_UNAVAILABLE` where there is a record that the store cannot read: another try would not change that.
 */
export function claim(call: Call): Awaitable<ClaimResult> {
  try {
    const answer = ask(call);
    if (isPromise(answer)) return claimLater(call, answer);
    call.claimedAt = undefined;
    return checked(answer);
  } catch (error) {
    return repeat(call, error, call.settings.storeTimeoutMs);
  }
}

function ask(call: Call): Awaitable<ClaimResult> {
  const { store, storeKey, token, ttlMs, settings } = call;
  const { leaseMs, fingerprint, onUncertain } = settings;
  return store.claim(storeKey, { token, ttlMs, leaseMs, fingerprint, rerun: onUncertain === "rerun" });
}

async function claimLater(call: Call, answer: PromiseLike<ClaimResult>): Promise<ClaimResult> {
  const { storeTimeoutMs } = call.settings;
  // The same turn of the event loop in which the request is sent, and one that an immediate answer does not pay for.
  call.claimedAt = performance.now();
  try {
    return checked(await within(answer, storeTimeoutMs));
  } catch (error) {
    if (error instanceof StoreTimeout) throw gaveUp(call, error, answer);
    return repeat(call, error, storeTimeoutMs - (performance.now() - call.claimedAt));
  }
}

async function repeat(call: Call, firstError: unknown, timeoutMs: number): Promise<ClaimResult> {
  if (isUnreadable(firstError)) throw gaveUp(call, firstError);
  call.emit?.({ type: "store-error", operation: "claim", error: firstError });
  let answer: Awaitable<ClaimResult> | undefined;
  call.claimedAt = performance.now();
  try {
    answer = ask(call);
    if (!isPromise(answer)) return checked(answer);
    return checked(await within(answer, timeoutMs, call.settings.storeTimeoutMs));
  } catch (error) {
    throw gaveUp(call, error, answer);
  }
}

function gaveUp(call: Call, error: unknown, answer?: Awaitable<ClaimResult>) {
  call.emit?.(
    isUnreadable(error)
      ? { type: "refused", code: error.code }
      : { type: "store-error", operation: "claim", error },
  );
  // Only a promise keeps its caller waiting.
  if (error instanceof StoreTimeout) call.lateClaim = answer as PromiseLike<ClaimResult>;
  return storeError("claim", error, call.key);
}

const isText = (value: unknown) => typeof value === "string";
const isMs = (value: unknown) => typeof value === "number" && value >= 0;

function checked(answer: ClaimResult): ClaimResult {
  const isSound =
    typeof answer === "object" && answer !== null && Number.isInteger(answer.attempt) && answer.attempt >= 1;
  switch (isSound ? answer.status : undefined) {
    case "claimed":
      if (isText((answer as { runId: unknown }).runId)) return answer;
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
