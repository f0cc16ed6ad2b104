import type { ErrorPolicy } from "../contract/options.ts";
import { encodeError, encodeResult } from "../results/outcome-text.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import { onAbort } from "../util/on-abort.ts";
import { backgroundTimer } from "../util/timers.ts";
import type { Call } from "./call.ts";
import { LazyExecution } from "./execution.ts";
import { Lease } from "./lease.ts";
import { policyFor } from "./policy.ts";
import {
  completion,
  type Ending,
  hold,
  mayBeTakeover,
  release,
  settle,
  settleLater,
  whenLate,
} from "./settle.ts";
import { closeFlight, endFlight, type Flight, holdFlight, landFlight, openFlight } from "./shared-runs.ts";

/** A run of `fn`, which the claim entitles to. */
interface Claimed {
  readonly attempt: number;
  readonly runId: string;
}

/** A call that runs `fn`, and how others share that. */
interface Run<Answer> {
  readonly call: Call<Answer>;
  readonly flight: Flight;
  readonly execution: LazyExecution;
  /** Undefined where the claim was never seen to be made. */
  readonly lease: Lease | undefined;
  readonly begun: number;
}

/** Runs `fn` under the claim, and ends the claim by what came of it. Rejects with `fn`'s own error only. */
export function run<Answer>(call: Call<Answer>, flight: Flight, claimed: Claimed): Awaitable<Answer> {
  const { attempt } = claimed;
  const execution = new LazyExecution(call.key, call.storeKey, claimed);
  const lease = new Lease(call, (error, isCertain) => {
    call.emit?.({ type: "lease-lost", attempt, error });
    execution.abort(error);
    if (isCertain) landFlight(call.flights, call.storeKey, flight, { type: "left" });
  });
  call.emit?.({
    type: "claimed",
    attempt,
    // A digest, which takes longer than all the rest.
    get idempotencyKey() {
      return execution.idempotencyKey;
    },
    takeover: mayBeTakeover(call, attempt),
  });
  return runAndSettle({ call, flight, execution, lease, begun: call.now() });
}

/** Runs `fn` though its claim could not be made. Should that turn out to be made after all, it is settled. */
export function runUnprotected<Answer>(
  call: Call<Answer>,
  flight: Flight,
  cause: unknown,
): Awaitable<Answer> {
  call.emit?.({ type: "unprotected", error: cause });
  const execution = new LazyExecution(call.key, call.storeKey, { attempt: 1, runId: call.token });
  return runAndSettle({ call, flight, execution, lease: undefined, begun: call.now() });
}

function runAndSettle<Answer>(run: Run<Answer>): Awaitable<Answer> {
  const { call, flight, execution, lease } = run;
  const { signal, leaseMs, fingerprint } = call.settings;
  holdFlight(flight, execution.attempt, leaseMs, fingerprint);
  const forget = signal && onAbort(signal, () => execution.abort(signal.reason));
  if (signal?.aborted) execution.abort(signal.reason);
  let result: unknown;
  try {
    const returned = call.fn(execution);
    result = isPromise(returned) ? Promise.resolve(returned) : returned;
  } catch (error) {
    forget?.();
    return fail(run, error);
  }
  if (!isPromise(result)) {
    forget?.();
    return succeed(run, result);
  }
  lease?.keep();
  if (forget !== undefined) void result.then(forget, forget);
  return result.then(
    value => succeed(run, value),
    error => fail(run, error),
  );
}

function succeed<Answer>(run: Run<Answer>, value: unknown): Awaitable<Answer> {
  const { call, execution, begun } = run;
  const runMs = call.now() - begun;
  const { text, failure } = encodeResult(value, call.settings.serializer);
  if (failure !== undefined) call.emit?.({ type: "unstorable", attempt: execution.attempt, ...failure });
  const ending = completion(call, text);
  const answer = finish(run, ending);
  const outcome = failure === undefined ? text : undefined;
  const end = (settled: boolean | undefined) => conclude(run, value, outcome, ending, settled, runMs);
  return isPromise(answer) ? answer.then(end) : end(answer);
}

/** Tells the caller, and those who share the run, of a success. */
function conclude<Answer>(
  run: Run<Answer>,
  value: unknown,
  outcome: string | undefined,
  ending: Ending,
  settled: boolean | undefined,
  runMs: number,
): Answer {
  const { call, flight, execution } = run;
  const { attempt } = execution;
  const { fingerprint } = call.settings;
  const persisted = settled === true && outcome !== undefined;
  endFlight(
    flight,
    outcome === undefined
      ? { type: "value", value, attempt, fingerprint }
      : { type: "completed", outcome, attempt, persisted, fingerprint },
  );
  if (settled === undefined) closeLater(run, ending);
  else closeFlight(call.flights, call.storeKey, flight);
  call.emit?.({ type: "completed", attempt, runMs, persisted });
  return call.answer(value, false, persisted, attempt, call.key);
}

/** Until the store has the result, the calls of this process get it from the flight, though no longer than `ttl`. */
function closeLater(run: Run<unknown>, ending: Ending): void {
  const { call, flight } = run;
  const close = () => closeFlight(call.flights, call.storeKey, flight);
  const timer = backgroundTimer(close, call.ttlMs);
  void settleLater(call, ending, deadlineOf(run)).then(() => {
    clearTimeout(timer);
    close();
  });
}

async function fail(run: Run<unknown>, error: unknown): Promise<never> {
  const { call, flight, execution, begun } = run;
  const runMs = call.now() - begun;
  const { attempt } = execution;
  const policy = policyFor(call, execution, error);
  const ending = endingFor(call, policy, error);
  const settled = await finish(run, ending);
  const { flights, storeKey } = call;
  const wasOurs = flights.get(storeKey) === flight;
  // What the caller's own abort brought about is no answer to the others.
  const isOwn = call.settings.signal?.aborted;
  landFlight(flights, storeKey, flight, isOwn ? { type: "left" } : { type: "failed", error, attempt });
  if (settled === undefined && wasOurs) {
    keepOthersOff(call, attempt, settleLater(call, ending, deadlineOf(run)));
  }
  call.emit?.({ type: "failed", attempt, runMs, error, policy });
  throw error;
}

function endingFor(call: Call, policy: ErrorPolicy, error: unknown): Ending {
  if (policy === "release") return release(call);
  return policy === "store" ? completion(call, encodeError(error)) : hold(call);
}

/** Ends the claim: now, or, where it was never seen to be made, as soon as it may be. */
function finish(run: Run<unknown>, ending: Ending): Awaitable<boolean | undefined> {
  const { call, lease } = run;
  if (lease === undefined) {
    void settleLater(call, ending, deadlineOf(run), true);
    whenLate(call, () => void settleLater(call, ending, deadlineOf(run)));
    return false;
  }
  if (ending.operation === "complete") lease.conclude();
  else lease.stop();
  const answer = settle(call, ending);
  const stop = (settled: boolean | undefined) => {
    lease.stop();
    return settled;
  };
  return isPromise(answer) ? answer.then(stop) : stop(answer);
}

function deadlineOf({ call, lease }: Run<unknown>): number {
  return lease?.deadline ?? performance.now() + call.settings.leaseMs;
}

/** While the store does not know yet that a run has failed, the calls of this process wait rather than ask it. */
function keepOthersOff(call: Call, attempt: number, settled: Promise<unknown>): void {
  const flight = openFlight(call.flights, call.storeKey);
  holdFlight(flight, attempt, call.settings.leaseMs, call.settings.fingerprint);
  void settled.then(() => landFlight(call.flights, call.storeKey, flight, { type: "left" }));
}
