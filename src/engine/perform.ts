import { isIdempotencyError } from "../contract/errors.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import { onAbort } from "../util/on-abort.ts";
import { differs, replay, replayed, requireFingerprint, see, storeFailed } from "./answers.ts";
import { type Call, type Failed, throwIfAborted } from "./call.ts";
import { type Asked, type Claimed, type Completed, claim } from "./claim.ts";
import { conclude, publish } from "./conclude.ts";
import { accompany, follow } from "./follow.ts";
import { releaseLateClaim } from "./late-claim.ts";
import { claimedRun, runAndSettle, unprotectedRun } from "./run.ts";
import { findRun, LEFT, openRun, type SharedEnd, type SharedRun } from "./shared-runs.ts";
import { mayRun, untilTurn } from "./until-turn.ts";
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
    left.catch(() => {});
    const answer = begin(call);
    if (!signal.aborted) return await Promise.race([left, answer]);
    // An abort from within comes before the answer of a call that did not have to wait.
    if (isPromise(answer)) answer.then(undefined, () => {});
    return await left;
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
  const shared = openRun(scope, storeKey, hostOf(call));
  if (isPromise(asked)) return asked.then(asked => goOn(call, { shared, asked }));
  return goOn(call, { shared, asked });
}

/** After the store's first answer, which may come late even where the store answers at once (section 6). */
function goOn(call: Call, turn: Turn): Awaitable<unknown> {
  const { shared, asked } = turn;
  if (mayRun(call, asked)) return runAndSettle(claimedRun(call, shared, asked), conclude);
  if (asked.answer.status === "completed") return replayShared(call, shared, asked.answer);
  return takeTurns(call, turn);
}

const hostOf = ({ fn }: Call) => (typeof fn === "object" ? fn.host : undefined);

/** Whether a companion of the call leads that run. */
function isOfOwn(call: Call, { host }: SharedRun): boolean {
  return host !== undefined && host === hostOf(call);
}

/** A turn that this call leads: others share it, while it asks for the key and runs. */
interface Turn {
  readonly shared: SharedRun;
  readonly asked: Asked;
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
      if (other === undefined) {
        const shared = turn?.shared ?? openRun(scope, storeKey, hostOf(call));
        return await lead(call, shared, turn?.asked ?? claim(call), wait);
      }
      const end = await (isOfOwn(call, other) ? accompany : follow)(call, other, wait);
      const answer = share(call, end);
      if (answer !== ANOTHER) return answer;
    }
  } finally {
    wait.end();
  }
}

async function lead(call: Call, shared: SharedRun, asked: Awaitable<Asked>, wait: Wait): Promise<unknown> {
  let end = LEFT;
  try {
    const got = await untilTurn(call, shared, await asked, wait);
    const { answer } = got;
    switch (answer.status) {
      case "claimed":
        return await runAndSettle(claimedRun(call, shared, got as Asked<Claimed>), conclude);
      case "completed":
        return replayShared(call, shared, answer);
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

/** Replays an outcome of the store, for those who share this call's way too. */
function replayShared(call: Call, shared: SharedRun, completed: Completed): unknown {
  try {
    return replay(call, completed, true);
  } finally {
    publish(call, shared, { type: "completed", persisted: true, ...completed });
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
      see(call, end.attempt, true);
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
