import type { Seen } from "../contract/store.ts";
import { encodeNoResult } from "../results/outcome-text.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import type { Moment } from "../util/moment.ts";
import { backgroundTimer } from "../util/timers.ts";
import type { Call, Run } from "./call.ts";
import { concludeLease, hold, mayHaveExpired, reclaim, settlingLeftMs, stopLease } from "./lease.ts";
import { askStore } from "./store-call.ts";

/**
 * How a claim ends: with an outcome, free for the next claim, with its lease over now, so that the key is uncertain, or
 * as if it had never been.
 */
export type Settlement =
  | { readonly operation: "complete"; readonly outcome: string }
  | { readonly operation: "release" }
  | { readonly operation: "hold" }
  | { readonly operation: "forget"; readonly seen: Seen };

export const RELEASE: Settlement = { operation: "release" };
export const HOLD: Settlement = { operation: "hold" };

export function completion(outcome: string): Settlement {
  return { operation: "complete", outcome };
}

/** Settles a claim: false where another holds the key, undefined where the store failed. Never throws. */
export function settle(call: Call, settlement: Settlement): Awaitable<boolean | undefined> {
  const operation = settlement.operation === "hold" ? "renew" : settlement.operation;
  return askStore(call, operation, send, settlement, call.settings.storeTimeoutMs);
}

function send(call: Call, settlement: Settlement): Awaitable<boolean> {
  const { storeKey, token, ttlMs } = call;
  const { store } = call.scope;
  switch (settlement.operation) {
    case "complete":
      return store.complete(storeKey, token, settlement.outcome, ttlMs);
    case "release":
      return store.release(storeKey, token);
    case "hold":
      return hold(call);
    case "forget":
      return store.forget(storeKey, settlement.seen);
  }
}

/** Settles the claim of a run, whose lease goes on while an outcome is written. Never throws. */
export function settleRun(run: Run, settlement: Settlement): Awaitable<boolean | undefined> {
  if (settlement.operation === "complete") concludeLease(run);
  else stopLease(run);
  run.isOnHold = settlement.operation === "hold";
  const { heldSince } = run;
  return untilSettled(run, settlement, heldSince, settle(run.call, settlement));
}

function untilSettled(
  run: Run,
  settlement: Settlement,
  heldSince: Moment,
  answer: Awaitable<boolean | undefined>,
): Awaitable<boolean | undefined> {
  if (isPromise(answer)) return answer.then(settled => untilSettled(run, settlement, heldSince, settled));
  if (answer === false) return settleAgain(run, settlement, heldSince);
  stopLease(run);
  return answer;
}

/**
 * After a refusal: section 6 claims once more what expired while this process could not renew it, and settles that. So
 * does a renewal that was under way meanwhile.
 */
async function settleAgain(
  run: Run,
  settlement: Settlement,
  heldSince: Moment,
): Promise<boolean | undefined> {
  const isOurs = run.heldSince === heldSince ? await claimedAnew(run, settlement) : true;
  const settled = isOurs ? await settle(run.call, settlement) : isOurs;
  stopLease(run);
  return settled;
}

/** A release has nothing to free, unless a renewal is about to claim, or what it claimed may land yet. */
function claimedAnew(run: Run, { operation }: Settlement): Awaitable<boolean | undefined> {
  if (run.reclaiming !== undefined) return run.reclaiming;
  if (operation === "release") return run.unheardSince === undefined ? false : undefined;
  return mayHaveExpired(run) ? reclaim(run) : false;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/**
 * Settles a claim in the background: again and again while `leftMs` says that there is time. With `mayLand` a refusal
 * does not end that, since the claim may not have landed yet. Its timers do not keep the process alive: a claim that is
 * never settled becomes uncertain by itself. Never rejects.
 */
export async function settleLater(
  call: Call,
  settlement: Settlement,
  leftMs: () => number,
  mayLand: () => boolean = () => false,
  tryOnce: () => Awaitable<boolean | undefined> = () => settle(call, settlement),
): Promise<boolean | undefined> {
  let settled: boolean | undefined;
  for (let delayMs = FIRST_RETRY_MS, left = delayMs; left > 0; delayMs *= 2) {
    const waitMs = Math.min(delayMs, LONGEST_RETRY_MS, left);
    await new Promise<void>(resolve => backgroundTimer(resolve, waitMs));
    settled = await tryOnce();
    if (settled || (settled === false && !mayLand())) return settled;
    left = leftMs();
  }
  // If the store refused the result and not the write, it can at least record that there was one.
  return settled === undefined && settlement.operation === "complete"
    ? settle(call, completion(encodeNoResult("its result could not be stored")))
    : settled;
}

/**
 * Settles a run's claim again after the store did not confirm it, while there is time (P3). A record that had expired
 * is claimed once more by each try until the store answers (section 6), but none that expires from now on: it may have
 * been settled unheard.
 */
export function settleRunLater(run: Run, settlement: Settlement): Promise<boolean | undefined> {
  const hadExpired = mayHaveExpired(run);
  const tryOnce = () => {
    const answer = settle(run.call, settlement);
    return hadExpired ? untilSettled(run, settlement, run.heldSince, answer) : answer;
  };
  return settleLater(run.call, settlement, () => settlingLeftMs(run), undefined, tryOnce);
}
