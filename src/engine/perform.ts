import { isIdempotencyError } from "../contract/errors.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import { onAbort } from "../util/on-abort.ts";
import { backgroundTimer } from "../util/timers.ts";
import { differs, replay, replayed, requireFingerprint, storeFailed } from "./answers.ts";
import { type Call, type Failed, type Run, throwIfAborted } from "./call.ts";
import { type Asked, type Claimed, claim } from "./claim.ts";
import { follow } from "./follow.ts";
import { releaseLateClaim } from "./late-claim.ts";
import { claimedRun, type RunEnd, runAndSettle, unprotectedRun } from "./run.ts";
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
import { untilTurn } from "./until-turn.ts";
import { newWait, type Wait } from "./wait.ts";

/** Shares a run of this process, or claims, runs and settles. Answers at once where it can; throws or rejects as it fails. */
export function perform(call: Call): Awaitable<unknown> {
  return call.settings.signal === undefined ? begin(call) : abortable(call, call.settings.signal);
}

/** Rejects as soon as the signal aborts; what was begun goes on to its own end. */
async function abortable(call: Call, signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) throw aborted(call, signal);
  let forget = () => {};
  const abort = new Promise<void>(resolve => {
    forget = onAbort(signal, resolve);
  });
  try {
    // Rejects here, in the call's own asynchronous context, and not in that of the code that aborts (section 7).
    const left = abort.then(() => {
      throw aborted(call, signal);
    });
    const answer = begin(call);
    // An abort from within comes before the answer of a call that did not have to wait.
    return await (signal.aborted ? left : Promise.race([left, answer]));
  } finally {
    forget();
  }
}

function aborted(call: Call, signal: AbortSignal): unknown {
  call.emit?.({ type: "aborted" });
  return signal.reason;
}

/** The common cases wait for nothing. */
function begin(call: Call): Awaitable<unknown> {
  const { scope, storeKey } = call;
  if (findRun(scope, storeKey) !== undefined) return takeTurns(call);
  const asked = claim(call);
  if (!isPromise(asked) && asked.answer.status === "completed") return replay(call, asked.answer, true);
  const shared = openRun(scope, storeKey);
  if (isClaimed(asked)) return runAndSettle(claimedRun(call, shared, asked), conclude);
  return takeTurns(call, { shared, asked });
}

function isClaimed(asked: Awaitable<Asked>): asked is Asked<Claimed> {
  return !isPromise(asked) && asked.answer.status === "claimed";
}

/** A turn that this call leads: others share it, while it asks for the key and runs. */
interface Turn {
  readonly shared: SharedRun;
  readonly asked: Awaitable<Asked>;
}

/** What a turn came to where this call is to take another. */
const ANOTHER = Symbol();

/** Takes turns until one has an answer: shares a run, where there is one, or leads. */
async function takeTurns(call: Call, first?: Turn): Promise<unknown> {
  const { scope, storeKey } = call;
  const wait = newWait(call);
  try {
    for (let turn = first; ; turn = undefined) {
      if (turn === undefined) throwIfAborted(call);
      const other = turn === undefined ? findRun(scope, storeKey) : undefined;
      const answer =
        other === undefined
          ? await lead(call, turn ?? { shared: openRun(scope, storeKey), asked: claim(call) }, wait)
          : share(call, await follow(call, other, wait));
      if (answer !== ANOTHER) return answer;
    }
  } finally {
    wait.end();
  }
}

async function lead(call: Call, { shared, asked }: Turn, wait: Wait): Promise<unknown> {
  let end = LEFT;
  try {
    const got = await untilTurn(call, shared, await asked, wait);
    const { answer } = got;
    switch (answer.status) {
      case "claimed":
        return await runAndSettle(claimedRun(call, shared, got as Asked<Claimed>), conclude);
      case "completed":
        end = { type: "completed", persisted: true, ...answer };
        return replay(call, answer, true);
      case "failed":
        if (mayRunUnprotected(call, answer, wait)) {
          return await runAndSettle(unprotectedRun(call, shared, answer), conclude);
        }
        if (!isIdempotencyError(answer.error, "STORE_ERROR")) throw answer.error;
        end = { type: "store-error", error: answer.error, waitedMs: answer.waitedMs };
        releaseLateClaim(call, answer);
        throw storeFailed(call, answer.error);
    }
  } finally {
    // A run has said so itself, and may be shared until the store knows of it.
    if (shared.end === undefined) publish(call, shared, end);
  }
}

/** Not beside a run that this call has seen, nor for a caller who has left while the claim was tried. */
function mayRunUnprotected({ settings }: Call, { error }: Failed, { seenAttempt }: Wait): boolean {
  const { onStoreError, signal } = settings;
  const isDown = isIdempotencyError(error, "STORE_ERROR");
  return isDown && onStoreError === "run" && seenAttempt === 0 && !signal?.aborted;
}

/** What the end of another call's run means for this one. */
function share(call: Call, end: SharedEnd): unknown {
  switch (end.type) {
    case "completed":
      return replay(call, end, end.persisted);
    case "value":
      requireFingerprint(call, end.fingerprint);
      return replayed(call, end.value, end.attempt, false);
    case "failed":
      // Another payload's failure is no answer to this one.
      if (differs(call, end.fingerprint)) return ANOTHER;
      call.emit?.({ type: "shared-failure", attempt: end.attempt, error: end.error });
      throw end.error;
    case "store-error": {
      const { onStoreError, storeTimeoutMs } = call.settings;
      // How long the store may take is each call's own to say.
      const wouldWaitLonger = end.waitedMs !== undefined && storeTimeoutMs > end.waitedMs;
      if (onStoreError === "run" || wouldWaitLonger) return ANOTHER;
      throw storeFailed(call, end.error);
    }
    case "left":
      return ANOTHER;
  }
}

/** Publishes how a run ended: to the calls that share it, and to the caller. */
function conclude(run: Run, end: RunEnd): unknown {
  const { call, execution, shared } = run;
  const { attempt } = execution;
  const { runMs, settlement, settled } = end;
  const persisted = settled === true && !end.failed && end.outcome !== undefined;
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
function sharedEndOf({ call, execution, shared }: Run, end: RunEnd, persisted: boolean): SharedEnd {
  const { attempt } = execution;
  const { fingerprint } = shared;
  if (end.failed) {
    // What the caller's own abort brought about is no answer to the others.
    const isOwn = call.settings.signal?.aborted;
    return isOwn ? LEFT : { type: "failed", error: end.error, attempt, fingerprint };
  }
  const { value, outcome } = end;
  return outcome === undefined
    ? { type: "value", value, attempt, fingerprint }
    : { type: "completed", outcome, attempt, persisted, fingerprint };
}

/** The one place that says how a shared run ended, and makes way for the next. */
function publish(call: Call, shared: SharedRun, end: SharedEnd): void {
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
