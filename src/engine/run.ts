import { encodeError, encodeResult, outcomeLimit } from "../results/outcome-text.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import { moment } from "../util/moment.ts";
import { onAbort } from "../util/on-abort.ts";
import type { Call, Run } from "./call.ts";
import type { Asked, Claimed, Failed } from "./claim.ts";
import { newExecution } from "./execution.ts";
import { settleLateClaim } from "./late-claim.ts";
import { keepLease } from "./lease.ts";
import { errorPolicy, resultPolicy } from "./policy.ts";
import { completion, HOLD, RELEASE, type Settlement, settleRun } from "./settle.ts";
import { noteHolder, type SharedEnd, type SharedRun } from "./shared-runs.ts";

/** How a run ended. */
export type RunEnd = {
  /** How long `fn` took, in milliseconds; 0 where nobody listens. */
  readonly runMs: number;
  /** What those who share the run get. */
  readonly shared: SharedEnd;
  /** The settlement that the store did not confirm. */
  readonly unsettled: Settlement | undefined;
} & (
  | { readonly failed: false; readonly value: unknown; readonly persisted: boolean }
  | { readonly failed: true; readonly error: unknown; readonly policy: "release" | "store" | "hold" }
);

/** The run that a claim entitles to. */
export function claimedRun(call: Call, shared: SharedRun, { answer, sentAt }: Asked<Claimed>): Run {
  const { attempt, runId, takeover = false, fingerprint = call.settings.fingerprint } = answer;
  const execution = newExecution(call, attempt, runId);
  noteHolder(shared, attempt, call.settings.leaseMs, fingerprint);
  call.emit?.({
    type: "claimed",
    attempt,
    // A digest, which takes longer than all the rest.
    get idempotencyKey() {
      return execution.idempotencyKey;
    },
    takeover,
  });
  const begun = timeOf(call);
  return {
    call,
    shared,
    execution,
    runId,
    takeover,
    isClaimed: true,
    begun,
    heldSince: sentAt,
    reclaiming: undefined,
    timer: undefined,
  };
}

/** A run though its claim could not be made: it may have taken over whatever it was allowed to. */
export function unprotectedRun(call: Call, shared: SharedRun, error: unknown): Run {
  const { leaseMs, fingerprint, onUncertain } = call.settings;
  call.emit?.({ type: "unprotected", error });
  const execution = newExecution(call, 1, call.token);
  noteHolder(shared, 1, leaseMs, fingerprint);
  const takeover = onUncertain === "rerun";
  const begun = timeOf(call);
  return {
    call,
    shared,
    execution,
    runId: call.token,
    takeover,
    isClaimed: false,
    begun,
    heldSince: moment(),
    reclaiming: undefined,
    timer: undefined,
  };
}

/** The time by the monotonic clock; 0 where nobody listens. */
const timeOf = ({ emit }: Call) => (emit === undefined ? 0 : performance.now());

/** Runs `fn`, and settles the claim by what comes of it. Never throws or rejects. */
export function runAndSettle(run: Run, unclaimed?: Failed): Awaitable<RunEnd> {
  const { call, execution } = run;
  const { signal } = call.settings;
  const stop = signal && onAbort(signal, () => execution.abort(signal.reason));
  if (signal?.aborted) execution.abort(signal.reason);
  let result: unknown;
  try {
    result = call.fn(execution);
  } catch (error) {
    stop?.();
    return fail(run, error, unclaimed);
  }
  if (!isPromise(result)) {
    stop?.();
    return succeed(run, result, unclaimed);
  }
  if (run.isClaimed) keepLease(run);
  const promise = Promise.resolve(result);
  if (stop !== undefined) void promise.then(stop, stop);
  return promise.then(
    value => succeed(run, value, unclaimed),
    error => fail(run, error, unclaimed),
  );
}

/** P3: the run ends with `fn`'s value, whatever storing it meets. */
function succeed(run: Run, value: unknown, unclaimed: Failed | undefined): Awaitable<RunEnd> {
  const { call, execution, shared } = run;
  const { attempt } = execution;
  const { fingerprint } = shared;
  const runMs = timeOf(call) - run.begun;
  const policy = resultPolicy(run, value);
  const { maxResultBytes, serializer } = call.settings;
  const maxBytes = outcomeLimit(maxResultBytes, call.scope.store);
  const { text, failure } = encodeResult(value, serializer, maxBytes);
  if (failure !== undefined) call.emit?.({ type: "unstorable", attempt, ...failure });
  const isKept = policy === "complete" && failure === undefined;
  const settlement = policy === "complete" ? completion(text) : policy === "release" ? RELEASE : HOLD;
  const end = (settled: boolean | undefined): RunEnd => {
    const persisted = settled === true && isKept;
    const sharedEnd: SharedEnd = isKept
      ? { type: "completed", outcome: text, attempt, persisted, fingerprint }
      : { type: "value", value, attempt, fingerprint };
    const unsettled = settled === undefined ? settlement : undefined;
    return { failed: false, runMs, value, persisted, shared: sharedEnd, unsettled };
  };
  const settled = settleBy(run, settlement, unclaimed);
  return isPromise(settled) ? settled.then(end) : end(settled);
}

/** P4: the run ends with `fn`'s own error, whatever settling the claim meets. */
function fail(run: Run, error: unknown, unclaimed: Failed | undefined): Awaitable<RunEnd> {
  const { call, execution, shared } = run;
  const { attempt } = execution;
  const { fingerprint } = shared;
  const runMs = timeOf(call) - run.begun;
  const policy = errorPolicy(run, error);
  const kept = () => encodeError(error, outcomeLimit(call.settings.maxResultBytes, call.scope.store));
  const settlement = policy === "store" ? completion(kept()) : policy === "release" ? RELEASE : HOLD;
  const end = (settled: boolean | undefined): RunEnd => {
    // What the caller's own abort brought about is no answer to the others.
    const isOwn = call.settings.signal?.aborted;
    const sharedEnd: SharedEnd = isOwn ? { type: "left" } : { type: "failed", error, attempt, fingerprint };
    const unsettled = settled === undefined ? settlement : undefined;
    return { failed: true, runMs, error, policy, shared: sharedEnd, unsettled };
  };
  const settled = settleBy(run, settlement, unclaimed);
  return isPromise(settled) ? settled.then(end) : end(settled);
}

/** Settles the claim: now, or, where it was never seen to be made, as soon as that may be. */
function settleBy(
  run: Run,
  settlement: Settlement,
  unclaimed: Failed | undefined,
): Awaitable<boolean | undefined> {
  if (unclaimed === undefined) return settleRun(run, settlement);
  settleLateClaim(run.call, unclaimed, () => settlement, run.call.settings.leaseMs);
  return false;
}
