import { backgroundTimer } from "../util/timers.ts";
import type { Call, Run } from "./call.ts";
import type { RunEnd } from "./run.ts";
import { type Settlement, settleRunLater } from "./settle.ts";
import {
  closeRun,
  endRun,
  findRun,
  LEFT,
  noteHolder,
  openRun,
  type SharedEnd,
  type SharedRun,
} from "./shared-runs.ts";

/** Publishes how a run ended: to the calls that share it, and to the caller. */
export function conclude(run: Run, end: RunEnd): unknown {
  const { call, execution, shared } = run;
  const { attempt } = execution;
  const { runMs, settlement, settled } = end;
  const persisted = settled === true && end.policy === "complete" && end.outcome !== undefined;
  const sharedEnd = sharedEndOf(run, end, persisted);
  if (settled !== undefined) publish(call, shared, sharedEnd);
  else if (end.failed) keepOthersOff(run, sharedEnd, settlement);
  else keepSharing(run, sharedEnd, settlement);
  if (end.failed) {
    call.emit?.({ type: "failed", attempt, runMs, error: end.error, policy: end.policy });
    throw end.error;
  }
  const chosen = end.policy === "complete" ? undefined : { policy: end.policy };
  call.emit?.({ type: "completed", attempt, runMs, persisted, ...chosen });
  return call.answer(end.value, false, persisted, attempt, call.key);
}

/** What those who share the run get. */
function sharedEndOf(run: Run, end: RunEnd, persisted: boolean): SharedEnd {
  const { call, execution, shared } = run;
  const { attempt } = execution;
  const { fingerprint } = shared;
  if (end.failed) {
    // What the caller's own abort brought about is no answer to the others, nor is a run that never began.
    const isOwn = run.isIdle || call.settings.signal?.aborted;
    return isOwn ? LEFT : { type: "failed", error: end.error, attempt, fingerprint };
  }
  const { value, outcome } = end;
  return outcome === undefined
    ? { type: "value", value, attempt, fingerprint }
    : { type: "completed", outcome, attempt, persisted, fingerprint };
}

/** The one place that says how a shared run ended, and makes way for the next. */
export function publish(call: Call, shared: SharedRun, end: SharedEnd): void {
  closeRun(call.scope, call.storeKey, shared);
  endRun(shared, end);
}

/** P3: until the store has the result, the calls of this process get it from the run, though no longer than `ttl`. */
function keepSharing(run: Run, end: SharedEnd, unsettled: Settlement): void {
  const { call, shared } = run;
  const { scope, storeKey } = call;
  endRun(shared, end);
  const close = () => closeRun(scope, storeKey, shared);
  const timer = backgroundTimer(close, call.ttlMs);
  void settleRunLater(run, unsettled).then(() => {
    clearTimeout(timer);
    close();
  });
}

/**
 * P2: while the store does not know yet that a run has failed, the calls of this process wait. If they asked the store,
 * it would answer that the run is going on, or that its outcome is unknown.
 */
function keepOthersOff(run: Run, end: SharedEnd, unsettled: Settlement): void {
  const { call, execution, shared } = run;
  const { scope, storeKey, settings } = call;
  const wasOurs = findRun(scope, storeKey) === shared;
  publish(call, shared, end);
  const settled = settleRunLater(run, unsettled);
  if (!wasOurs) return;
  const blocked = openRun(scope, storeKey);
  noteHolder(blocked, execution.attempt, settings.leaseMs, settings.fingerprint);
  void settled.then(() => publish(call, blocked, LEFT));
}
