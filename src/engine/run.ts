import { encodeError, encodeResult, outcomeLimit } from "../results/outcome-text.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import { type Moment, moment } from "../util/moment.ts";
import { onAbort } from "../util/on-abort.ts";
import type { Boxed, Call, Failed, Run } from "./call.ts";
import type { Asked, Claimed } from "./claim.ts";
import type { Emit } from "./emit.ts";
import { newExecution, type RunExecution } from "./execution.ts";
import { settleLateClaim } from "./late-claim.ts";
import { keepLease } from "./lease.ts";
import { errorPolicy, resultPolicy } from "./policy.ts";
import { completion, HOLD, RELEASE, type Settlement, settleRun } from "./settle.ts";
import { noteHolder, type SharedRun } from "./shared-runs.ts";

/** How a run ended. */
export type RunEnd = {
  /** How long `fn` took, in milliseconds; 0 where nobody listens. */
  readonly runMs: number;
  readonly settlement: Settlement;
  /** What came of that: undefined where the store did not confirm it. */
  settled: boolean | undefined;
} & (
  | {
      readonly failed: false;
      readonly value: unknown;
      /** The text of the value, where it has one. */
      readonly outcome: string | undefined;
      readonly policy: "complete" | "release" | "hold";
    }
  | { readonly failed: true; readonly error: unknown; readonly policy: "release" | "store" | "hold" }
);

/** The run that a claim entitles to. */
export function claimedRun(call: Call, shared: SharedRun, { answer, sentAt }: Asked<Claimed>): Run {
  const { attempt, runId, takeover = false, fingerprint = call.settings.fingerprint } = answer;
  const execution = newExecution(call, attempt, runId);
  noteHolder(shared, attempt, call.settings.leaseMs, fingerprint);
  if (call.emit !== undefined) emitClaimed(call.emit, execution, takeover);
  return newRun(call, shared, execution, takeover, undefined, sentAt);
}

/** A run though its claim could not be made: it may have taken over whatever it was allowed to. */
export function unprotectedRun(call: Call, shared: SharedRun, unclaimed: Failed): Run {
  const { leaseMs, fingerprint, onUncertain } = call.settings;
  call.emit?.({ type: "unprotected", error: unclaimed.error });
  const execution = newExecution(call, 1, call.token);
  noteHolder(shared, 1, leaseMs, fingerprint);
  return newRun(call, shared, execution, onUncertain !== "reject", unclaimed, moment());
}

function newRun(
  call: Call,
  shared: SharedRun,
  execution: RunExecution,
  takeover: boolean,
  unclaimed: Failed | undefined,
  heldSince: Moment,
): Run {
  return {
    call,
    shared,
    execution,
    takeover,
    unclaimed,
    begun: timeOf(call),
    heldSince,
    reclaiming: undefined,
    unheardSince: undefined,
    lease: "running",
    timer: undefined,
    isOnHold: false,
    isIdle: false,
  };
}

function emitClaimed(emit: Emit, execution: RunExecution, takeover: boolean): void {
  emit({
    type: "claimed",
    attempt: execution.attempt,
    // A digest, which takes longer than all the rest.
    get idempotencyKey() {
      return execution.idempotencyKey;
    },
    takeover,
  });
}

/** The time by the monotonic clock; 0 where nobody listens. */
const timeOf = ({ emit }: Call) => (emit === undefined ? 0 : performance.now());

/** What is made of a run's end. */
type Conclude = (run: Run, end: RunEnd) => unknown;

/** Runs `fn`, settles the claim by what comes of it, and answers what `conclude` makes of that: it alone may throw. */
export function runAndSettle(run: Run, conclude: Conclude): Awaitable<unknown> {
  const { call, execution } = run;
  const stop = call.settings.signal && abortWith(execution, call.settings.signal);
  let result: unknown;
  try {
    if (typeof call.fn === "object")
      return whenBoarded(run, call.fn.host.board(call.fn, run), stop, conclude);
    result = call.fn(execution);
  } catch (error) {
    stop?.();
    return whileWritten(run, fail(run, error, conclude));
  }
  if (isPromise(result)) return whenDone(run, Promise.resolve(result), stop, conclude);
  stop?.();
  return whileWritten(run, succeed(run, result, conclude));
}

/** P1: where a store takes its time to write the outcome of a `fn` that answers at once, the lease goes on meanwhile. */
function whileWritten(run: Run, answer: Awaitable<unknown>): Awaitable<unknown> {
  if (isPromise(answer)) keepLease(run);
  return answer;
}

/** Aborts an execution when its caller's signal does, until what it returns is called. */
function abortWith(execution: RunExecution, signal: AbortSignal): () => void {
  if (signal.aborted) execution.abort(signal.reason);
  return onAbort(signal, () => execution.abort(signal.reason));
}

function whenDone(
  run: Run,
  result: Promise<unknown>,
  stop: (() => void) | undefined,
  conclude: Conclude,
): Promise<unknown> {
  if (stop !== undefined) void result.then(stop, stop);
  const answer = result.then(
    value => succeed(run, value, conclude),
    error => fail(run, error, conclude),
  );
  if (run.unclaimed === undefined) keepLease(run);
  return answer;
}

/** As {@link whenDone}, in a batch, which keeps the leases of its runs. */
function whenBoarded(
  run: Run,
  result: Promise<Boxed>,
  stop: (() => void) | undefined,
  conclude: Conclude,
): Promise<unknown> {
  if (stop !== undefined) void result.then(stop, stop);
  return result.then(
    ({ value }) => succeed(run, value, conclude),
    error => fail(run, error, conclude),
  );
}

/** P3: the run ends with `fn`'s value, whatever storing it meets. */
function succeed(run: Run, value: unknown, conclude: Conclude): Awaitable<unknown> {
  const { call, execution } = run;
  const runMs = timeOf(call) - run.begun;
  const policy = resultPolicy(run, value);
  const { settings, scope } = call;
  const { text, failure } = encodeResult(value, settings.serializer, outcomeLimit(settings, scope.store));
  if (failure !== undefined) call.emit?.({ type: "unstorable", attempt: execution.attempt, ...failure });
  const outcome = failure === undefined ? text : undefined;
  const settlement = policy === "complete" ? completion(text) : policy === "release" ? RELEASE : HOLD;
  return settleBy(
    run,
    { failed: false, runMs, value, outcome, policy, settlement, settled: undefined },
    conclude,
  );
}

/** P4: the run ends with `fn`'s own error, whatever settling the claim meets. */
function fail(run: Run, error: unknown, conclude: Conclude): Awaitable<unknown> {
  const runMs = timeOf(run.call) - run.begun;
  const policy = errorPolicy(run, error);
  const { settings, scope } = run.call;
  const kept = () => encodeError(error, outcomeLimit(settings, scope.store));
  const settlement = policy === "store" ? completion(kept()) : policy === "release" ? RELEASE : HOLD;
  return settleBy(run, { failed: true, runMs, error, policy, settlement, settled: undefined }, conclude);
}

/** Settles the claim: now, or, where it was never seen to be made, as soon as that may be. */
function settleBy(run: Run, end: RunEnd, conclude: Conclude): Awaitable<unknown> {
  const settled = run.unclaimed === undefined ? settleRun(run, end.settlement) : settleUnseen(run, end);
  if (isPromise(settled)) return settled.then(settled => concludeSettled(run, end, settled, conclude));
  return concludeSettled(run, end, settled, conclude);
}

function concludeSettled(run: Run, end: RunEnd, settled: boolean | undefined, conclude: Conclude): unknown {
  end.settled = settled;
  return conclude(run, end);
}

function settleUnseen({ call, unclaimed }: Run, { settlement }: RunEnd): false {
  settleLateClaim(call, unclaimed!, () => settlement, call.settings.leaseMs);
  return false;
}
