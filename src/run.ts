import type { Call } from "./call.ts";
import { LazyExecution } from "./execution.ts";
import { closeFlight, endFlight, type Flight, holdFlight, landFlight, openFlight } from "./flight.ts";
import { interruptedInTransit } from "./interrupted-in-transit.ts";
import { Lease } from "./lease.ts";
import type { ErrorPolicy } from "./options.ts";
import type { Outcome } from "./outcome.ts";
import { encodeError, encodeResult } from "./outcome-text.ts";
import { completion, type Ending, hold, release, settle, settleLater, whenLate } from "./settle.ts";
import { onAbort } from "./signals.ts";
import type { Awaitable } from "./store.ts";
import { isPromise } from "./store-call.ts";

/** A run of `fn`, which the claim entitles to. */
interface Run {
  readonly attempt: number;
  readonly runId: string;
}

/** Runs `fn` under the claim, and ends the claim by what came of it. Rejects with `fn`'s own error only. */
export function run<T>(call: Call<T>, flight: Flight, claimed: Run): Promise<Outcome<T>> {
  const { attempt } = claimed;
  const execution = new LazyExecution(call.key, call.storeKey, claimed);
  const lease = new Lease(call, (error, isCertain) => {
    call.emit?.({ type: "lease-lost", attempt, error });
    execution.abort(error);
    if (isCertain) landFlight(call.flights, call.storeKey, flight, { type: "left" });
  });
  call.emit?.({ type: "claimed", attempt });
  return runAndSettle(call, flight, execution, lease);
}

/** Runs `fn` though its claim could not be made. Should that turn out to be made after all, it is settled. */
export function runUnprotected<T>(call: Call<T>, flight: Flight, cause: unknown): Promise<Outcome<T>> {
  call.emit?.({ type: "unprotected", error: cause });
  const execution = new LazyExecution(call.key, call.storeKey, { attempt: 1, runId: call.token });
  return runAndSettle(call, flight, execution, undefined);
}

async function runAndSettle<T>(
  call: Call<T>,
  flight: Flight,
  execution: LazyExecution,
  lease: Lease | undefined,
): Promise<Outcome<T>> {
  const { attempt } = execution;
  holdFlight(flight, attempt, call.settings.leaseMs, call.settings.fingerprint);
  const { signal } = call.settings;
  const forget = signal && onAbort(signal, () => execution.abort(signal.reason));
  if (signal?.aborted) execution.abort(signal.reason);
  let value: T;
  try {
    const result = call.fn(execution);
    if (isPromise(result)) lease?.keep();
    value = isPromise(result) ? await result : result;
  } catch (error) {
    lease?.stop();
    await fail(call, flight, lease, execution, error);
    throw error;
  } finally {
    lease?.stop();
    forget?.();
  }
  return succeed(call, flight, lease, attempt, value);
}

function succeed<T>(
  call: Call<T>,
  flight: Flight,
  lease: Lease | undefined,
  attempt: number,
  value: T,
): Awaitable<Outcome<T>> {
  const { text, error } = encodeResult(value, call.settings.serializer);
  if (error !== undefined) call.emit?.({ type: "unstorable", attempt, error });
  const ending = completion(call, text);
  const answer = finish(call, ending, lease);
  const conclude = (settled: boolean | undefined): Outcome<T> => {
    const persisted = settled === true && error === undefined;
    const { fingerprint } = call.settings;
    endFlight(
      flight,
      error === undefined
        ? { type: "completed", outcome: text, attempt, persisted, fingerprint }
        : { type: "value", value, attempt, fingerprint },
    );
    const close = () => closeFlight(call.flights, call.storeKey, flight);
    // Until the store has it, the calls of this process get the result from the flight.
    if (settled === undefined) void settleLater(call, ending, deadlineOf(call, lease)).then(close);
    else close();
    call.emit?.({ type: "completed", attempt, persisted });
    return { value, replayed: false, persisted, attempt, key: call.key };
  };
  return isPromise(answer) ? answer.then(conclude) : conclude(answer);
}

async function fail(
  call: Call,
  flight: Flight,
  lease: Lease | undefined,
  execution: LazyExecution,
  error: unknown,
): Promise<void> {
  const { attempt } = execution;
  const { policy, ending } = judge(call, execution, error);
  const settled = await finish(call, ending, lease);
  const { flights, storeKey } = call;
  const wasOurs = flights.get(storeKey) === flight;
  // What the caller's own abort brought about is no answer to the others.
  const isOwn = call.settings.signal?.aborted === true;
  landFlight(flights, storeKey, flight, isOwn ? { type: "left" } : { type: "failed", error, attempt });
  if (settled === undefined && wasOurs) {
    keepOthersOff(call, attempt, settleLater(call, ending, deadlineOf(call, lease)));
  }
  call.emit?.({ type: "failed", attempt, error, policy });
}

/** Ends the claim: now, or, where it was never seen to be made, as soon as it may be. */
function finish(call: Call, ending: Ending, lease: Lease | undefined): Awaitable<boolean | undefined> {
  if (lease !== undefined) return settle(call, ending);
  void settleLater(call, ending, deadlineOf(call, lease));
  whenLate(call, () => void settleLater(call, ending, performance.now() + call.settings.leaseMs));
  return false;
}

function deadlineOf(call: Call, lease: Lease | undefined): number {
  return lease?.deadline ?? performance.now() + call.settings.leaseMs;
}

/** While the store does not know yet that a run has failed, the calls of this process wait rather than ask it. */
function keepOthersOff(call: Call, attempt: number, settled: Promise<unknown>): void {
  const flight = openFlight(call.flights, call.storeKey);
  holdFlight(flight, attempt, call.settings.leaseMs, call.settings.fingerprint);
  void settled.then(() => landFlight(call.flights, call.storeKey, flight, { type: "left" }));
}

function judge(
  call: Call,
  execution: LazyExecution,
  error: unknown,
): { policy: ErrorPolicy; ending: Ending } {
  const policy = policyFor(call, execution, error);
  if (policy === "release") return { policy, ending: release(call) };
  if (policy === "store") return { policy, ending: completion(call, encodeError(error)) };
  return { policy, ending: hold(call) };
}

function policyFor(call: Call, execution: LazyExecution, error: unknown): ErrorPolicy {
  const { onError } = call.settings;
  // A request that was aborted fails with the signal's own reason, which may be any value.
  if (onError === undefined)
    return execution.wasAbortedBy(error) || interruptedInTransit(error) ? "hold" : "release";
  try {
    const policy: unknown = onError(error);
    if (policy === "release" || policy === "store" || policy === "hold") return policy;
    Promise.resolve(policy).catch(() => {});
    throw new TypeError('onError: expected "release", "store" or "hold"');
  } catch (policyError) {
    call.emit?.({ type: "policy-error", error: policyError });
    return "hold";
  }
}
