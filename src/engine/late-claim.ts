import { elapsedSince, moment } from "../util/moment.ts";
import type { Call, Failed } from "./call.ts";
import type { Claimed } from "./claim.ts";
import { HOLD, RELEASE, type Settlement, settle, settleLater } from "./settle.ts";
import { isUnreadable } from "./store-call.ts";

/** How a claim is returned by which `fn` never ran: what it took over as uncertain is uncertain still (P2). */
function returned(call: Call, claimed?: Claimed): Settlement {
  const isTakeover = claimed === undefined ? call.settings.onUncertain !== "reject" : claimed.takeover;
  return isTakeover ? HOLD : RELEASE;
}

/** Returns a claim that `fn` shall not run by. */
export async function returnClaim(call: Call, claimed: Claimed): Promise<void> {
  await settleNowOrLater(call, returned(call, claimed));
}

/** P2: removes the window that a claim began. After a release, others who wait would take it for a run that has failed. */
export async function undoClaim(call: Call, { attempt, runId }: Claimed): Promise<void> {
  const { scope, storeKey } = call;
  const seen = { attempt, runId: scope.local?.runText(storeKey, runId) ?? runId };
  await settleNowOrLater(call, { operation: "forget", seen });
}

/**
 * Returns a claim that was given up, or that lands after that (S2): for at most twice `storeTimeout`, so that an outage
 * of many calls with long leases ends with it.
 */
export function releaseLateClaim(call: Call, failed: Failed): void {
  // P2: sent twice, it may have taken over since what its answer says that it was the first to claim.
  const settlementFor = (claimed?: Claimed) => returned(call, failed.isRepeated ? undefined : claimed);
  settleLateClaim(call, failed, settlementFor, 2 * call.settings.storeTimeoutMs);
}

/**
 * Settles a claim that was given up: it may have landed unseen, or land yet. Asks for as long as `forMs`, and not after
 * the store has answered, unless that claim's own answer is still to come.
 */
export function settleLateClaim(
  call: Call,
  { late }: Failed,
  settlementFor: (claimed?: Claimed) => Settlement,
  forMs: number,
): void {
  const begun = moment();
  let isAnswered = late === undefined;
  const leftMs = () => forMs - elapsedSince(begun);
  void settleLater(call, settlementFor(), leftMs, () => !isAnswered);
  late?.then(
    answer => {
      isAnswered = true;
      if (answer?.status !== "claimed") return;
      call.emit?.({ type: "late-claim" });
      void settleNowOrLater(call, settlementFor(answer));
    },
    error => {
      isAnswered = true;
      // A failure does not say that the claim has not landed.
      if (!isUnreadable(error)) void settleNowOrLater(call, settlementFor());
    },
  );
}

async function settleNowOrLater(call: Call, settlement: Settlement): Promise<void> {
  const begun = moment();
  if ((await settle(call, settlement)) !== undefined) return;
  // Nobody waits for an outage to end, which may take as long as the lease.
  void settleLater(call, settlement, () => call.settings.leaseMs - elapsedSince(begun));
}
