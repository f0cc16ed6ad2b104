import type { StoreOperation } from "../contract/events.ts";
import { encodeNoResult } from "../results/outcome-text.ts";
import type { Awaitable } from "../util/awaitable.ts";
import { backgroundTimer } from "../util/timers.ts";
import type { Call } from "./call.ts";
import { askStore, isUnreadable } from "./store-call.ts";

/** How a claim ends. */
export interface Ending {
  readonly operation: StoreOperation;
  ask(): Awaitable<boolean>;
}

export function completion({ store, storeKey, token, ttlMs }: Call, outcome: string): Ending {
  return { operation: "complete", ask: () => store.complete(storeKey, token, outcome, ttlMs) };
}

export function release({ store, storeKey, token }: Call): Ending {
  return { operation: "release", ask: () => store.release(storeKey, token) };
}

/** Ends the lease now, so that the key is uncertain. */
export function hold({ store, storeKey, token }: Call): Ending {
  return { operation: "renew", ask: () => store.renew(storeKey, token, 0) };
}

/** Ends the claim: false where another holds the key, undefined where the store failed. */
export function settle(call: Call, ending: Ending): Awaitable<boolean | undefined> {
  return askStore(call, ending.operation, ending.ask, call.settings.storeTimeoutMs);
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/**
 * Tries again to end the claim, in the background: once, and then while its lease lasts. With `mayLand` a refusal does
 * not end that, for the claim may not have landed yet. Its timers do not keep the process alive: a claim that is never
 * ended becomes uncertain by itself. Never rejects.
 */
export async function settleLater(
  call: Call,
  ending: Ending,
  deadline: number,
  mayLand = false,
): Promise<boolean | undefined> {
  let settled: boolean | undefined;
  for (let delayMs = FIRST_RETRY_MS, leftMs = delayMs; leftMs > 0; delayMs *= 2) {
    await new Promise<void>(resolve => backgroundTimer(resolve, Math.min(delayMs, LONGEST_RETRY_MS, leftMs)));
    settled = await settle(call, ending);
    if (settled || (settled === false && !mayLand)) return settled;
    leftMs = deadline - performance.now();
  }
  // Should the store have refused the result and not the write, it is at least known that there was one.
  return settled === undefined && ending.operation === "complete"
    ? settle(call, completion(call, encodeNoResult("its result could not be stored")))
    : settled;
}

/**
 * Gives back a claim by which `fn` never ran. Where it may have taken an uncertain key over, that is uncertain still:
 * `attempt` tells, unless nobody knows it.
 */
export function giveBack(call: Call, attempt?: number): Ending {
  return mayBeTakeover(call, attempt) ? hold(call) : release(call);
}

/** Whether the claim may have taken an uncertain key over, as far as can be told. */
export function mayBeTakeover({ settings }: Call, attempt?: number): boolean {
  return settings.onUncertain === "rerun" && attempt !== 1;
}

/** Gives back a claim that was given up, or that lands after that. */
export function abandon(call: Call): void {
  void settleLater(call, giveBack(call), performance.now() + call.settings.leaseMs, true);
  whenLate(call, attempt => void settleNowOrLater(call, giveBack(call, attempt)));
}

/** Acts when a claim that was given up lands after all, or fails, which does not say that it has not landed. */
export function whenLate(call: Call, act: (attempt?: number) => void): void {
  call.lateClaim?.then(
    answer => {
      if (answer?.status !== "claimed") return;
      call.emit?.({ type: "late-claim" });
      act(answer.attempt);
    },
    error => {
      if (!isUnreadable(error)) act();
    },
  );
}

export async function settleNowOrLater(call: Call, ending: Ending): Promise<void> {
  if ((await settle(call, ending)) === undefined) {
    await settleLater(call, ending, performance.now() + call.settings.leaseMs);
  }
}
