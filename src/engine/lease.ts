import { LeaseLostError } from "../contract/errors.ts";
import type { Awaitable } from "../util/awaitable.ts";
import { elapsedSince, type Moment, moment } from "../util/moment.ts";
import { backgroundTimer } from "../util/timers.ts";
import type { Call, LeaseTimer, Run } from "./call.ts";
import { closeRun, endRun, LEFT } from "./shared-runs.ts";
import { askStore } from "./store-call.ts";

// Three renewals before a lease ends, so that one or two may fail.
const BEATS_PER_LEASE = 4;

/** What is left of the lease by this process's clocks, counted from before the request that began it. */
export function leaseLeftMs({ call, heldSince }: Run): number {
  return call.settings.leaseMs - elapsedSince(heldSince);
}

/** Whether the store may have dropped the record meanwhile, because nobody renewed it. */
export function mayHaveExpired({ call, heldSince }: Run): boolean {
  return elapsedSince(heldSince) >= call.settings.leaseMs + call.ttlMs;
}

/**
 * How long there is still time to settle a run: as long as its lease lasts, or one that a claim may have begun unseen,
 * and one more try.
 */
export function settlingLeftMs(run: Run): number {
  const { call, unheardSince } = run;
  if (unheardSince === undefined) return leaseLeftMs(run);
  const { leaseMs, storeTimeoutMs } = call.settings;
  return Math.max(leaseLeftMs(run), leaseMs + storeTimeoutMs - elapsedSince(unheardSince));
}

const SOON = /* @__PURE__ */ Promise.resolve();

/**
 * Renews the lease from now on, until {@link stopLease}. Not before what is already waiting to happen: a `fn` that is
 * done by then needs no timer, which would take a tenth of a first execution in memory.
 */
export function keepLease(run: Run): void {
  void SOON.then(() => beginToRenew(run));
}

/**
 * B4: as {@link keepLease}, of all the runs that there are by then: one timer, since few batches take long enough for
 * each run to need one of its own.
 */
export function keepLeases(runs: readonly Run[], leaseMs: number): ReturnType<typeof setTimeout> {
  const begin = () => {
    for (const run of runs) beginToRenew(run);
  };
  return backgroundTimer(begin, leaseMs / BEATS_PER_LEASE / 2);
}

/** Whether a claim was answered so late that the next beat may come too late. */
export function isAnsweredLate(run: Run): boolean {
  return leaseLeftMs(run) < run.call.settings.leaseMs * (1 - 1 / BEATS_PER_LEASE);
}

function beginToRenew(run: Run): void {
  if (run.lease === "over") return;
  run.timer = { beat: nextBeat(run, elapsedSince(run.heldSince)), end: undefined, watched: undefined };
  if (!isAnsweredLate(run)) return;
  watchEnd(run, run.timer);
  void renew(run, run.timer);
}

/** Renews on while the outcome is written, and loses nothing meanwhile. */
export function concludeLease(run: Run): void {
  if (run.lease === "running") run.lease = "concluding";
}

export function stopLease(run: Run): void {
  run.lease = "over";
  if (run.timer === undefined) return;
  clearTimeout(run.timer.beat);
  clearTimeout(run.timer.end);
  run.timer = undefined;
}

function nextBeat(run: Run, afterMs = 0): LeaseTimer["beat"] {
  return backgroundTimer(
    () => {
      if (run.timer !== undefined) void renew(run, run.timer);
    },
    Math.max(0, run.call.settings.leaseMs / BEATS_PER_LEASE - afterMs),
  );
}

async function renew(run: Run, timer: LeaseTimer): Promise<void> {
  const sentAt = moment();
  const asked = askToRenew(run, sentAt);
  // B4, B6: one by one it may wait behind the renewals of its batch for longer than the lease lasts.
  if (typeof run.call.fn === "object" && leaseLeftMs(run) > 0) watchEnd(run, timer);
  const isHeld = await asked;
  if (run.timer !== timer) return endAgain(run, isHeld);
  if (isHeld === false) return lose(run, "another call holds the key, or it was removed", true);
  if (isHeld === undefined) watchEnd(run, timer);
  clearTimeout(timer.beat);
  timer.beat = nextBeat(run, elapsedSince(sentAt));
}

/** P2: a renewal that was under way when its run ended by a hold may have begun the lease anew. */
function endAgain(run: Run, isRenewed: boolean | undefined): void {
  if (isRenewed && run.isOnHold)
    void askStore(run.call, "renew", hold, undefined, run.call.settings.storeTimeoutMs);
}

/** Ends the lease now, which leaves the key uncertain. */
export const hold = ({ scope, storeKey, token }: Call): Awaitable<boolean> =>
  scope.store.renew(storeKey, token, 0);

async function askToRenew(run: Run, sentAt: Moment): Promise<boolean | undefined> {
  const { leaseMs, storeTimeoutMs } = run.call.settings;
  const { heldSince } = run;
  // Not past the next beat, which asks anew.
  const timeoutMs = Math.min(storeTimeoutMs, leaseMs / BEATS_PER_LEASE);
  const ask = ({ scope, storeKey, token }: Call) => scope.store.renew(storeKey, token, leaseMs);
  const isHeld = await askStore(run.call, "renew", ask, undefined, timeoutMs);
  if (isHeld) run.heldSince = sentAt;
  // Refused before the record was claimed anew, or the lease renewed: what is true now has to be asked.
  if (isHeld === false && run.lease !== "over" && run.heldSince !== heldSince)
    return askToRenew(run, moment());
  // While the outcome is being written, the one who writes it claims anew if need be.
  const isGone = isHeld === false && run.lease === "running" && mayHaveExpired(run);
  return isGone ? reclaim(run) : isHeld;
}

/**
 * Claims a record once more, with the run's own token, that expired while this process could not renew it (section 6):
 * also where another call has used and released the key since, for P1 protects what this run does. False where another
 * call has the key, undefined where the store failed. One claim at a time.
 */
export function reclaim(run: Run): PromiseLike<boolean | undefined> {
  run.reclaiming ??= claimAnew(run);
  return run.reclaiming;
}

async function claimAnew(run: Run): Promise<boolean | undefined> {
  const sentAt = moment();
  const isHeld = await askStore(run.call, "claim", askToReclaim, undefined, run.call.settings.storeTimeoutMs);
  run.reclaiming = undefined;
  if (isHeld) run.heldSince = sentAt;
  run.unheardSince = isHeld === undefined ? (run.unheardSince ?? moment()) : undefined;
  return isHeld;
}

async function askToReclaim({ scope, storeKey, token, ttlMs, settings }: Call): Promise<boolean> {
  const { leaseMs, fingerprint } = settings;
  const { status } = await scope.store.claim(storeKey, { token, ttlMs, leaseMs, fingerprint });
  return status === "claimed";
}

/** The lease is lost at its end, unless a renewal succeeds until then. */
function watchEnd(run: Run, timer: LeaseTimer): void {
  const { heldSince } = run;
  if (timer.watched === heldSince) return;
  timer.watched = heldSince;
  clearTimeout(timer.end);
  const end = () => {
    if (run.timer === timer && run.heldSince === heldSince)
      lose(run, "it could not be renewed in time", false);
  };
  timer.end = backgroundTimer(() => {
    // Late, since the process was busy: an answer that has arrived meanwhile is read before the next timer rings.
    if (leaseLeftMs(run) < 0) timer.end = backgroundTimer(end, 0);
    else end();
  }, leaseLeftMs(run));
}

/** Another call may hold the key by now; `isCertain` where the store said so. */
function lose(run: Run, why: string, isCertain: boolean): void {
  if (run.lease === "concluding") return;
  const { call, execution, shared } = run;
  const error = new LeaseLostError(`The lease on the key is lost: ${why}.`, { key: call.key });
  call.emit?.({ type: "lease-lost", attempt: execution.attempt, error });
  execution.abort(error);
  if (!isCertain) return;
  stopLease(run);
  closeRun(call.scope, call.storeKey, shared);
  endRun(shared, LEFT);
}
