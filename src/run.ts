import type { Call } from "./call.ts";
import { LazyExecution } from "./execution.ts";
import { closeFlight, endFlight, type Flight, holdFlight, landFlight, openFlight } from "./flight.ts";
import { interruptedInTransit } from "./interrupted-in-transit.ts";
import { Lease } from "./lease.ts";
import type { ErrorPolicy } from "./options.ts";
import type { Outcome } from "./outcome.ts";
import { encodeError, encodeResult } from "./outcome-text.ts";
import { completion, type Ending, hold, release, settle, settleLater, whenLate } from "./settle.ts";
import { isPromise } from "./store-call.ts";

/** A run of `fn`, which the claim entitles to. */
interface Run {
  readonly attempt: number;
  readonly runId: string;
}

/** Runs `fn` under the claim, and ends the claim by what came of it. Rejects with `fn`'s own error only. */
export async function run<T>(call: Call<T>, flight: Flight, claimed: Run): Promise<Outcome<T>> {
  const { attempt } = claimed;
  const execution = new LazyExecution(call.key, call.storeKey, claimed);
  const lease = new Lease(call, (error, isCertain) => {
    call.emit?.({ type: "lease-lost", attempt, error });
    execution.abort(error);
    if (isCertain) landFlight(call.flights, call.storeKey, flight, { type: "left" });
  });
  call.emit?.({ type: "claimed", attempt });
  holdFlight(flight, attempt, call.settings.leaseMs, call.settings.fingerprint);
  let value: T;
  try {
    value = await runUnder(call, execution, lease);
  } catch (error) {
    await fail(call, flight, lease, attempt, error);
    throw error;
  }
  return succeed(call, flight, lease, attempt, value);
}

/** Runs `fn` while the lease is kept and the caller's signal is passed on. */
async function runUnder<T>(call: Call<T>, execution: LazyExecution, lease: Lease | undefined): Promise<T> {
  const { signal } = call.settings;
  const abort = () => execution.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  try {
    const result = call.fn(execution);
    if (!isPromise(result)) return result;
    lease?.keep();
    return await result;
  } finally {
    lease?.stop();
    signal?.removeEventListener("abort", abort);
  }
}

async function succeed<T>(
  call: Call<T>,
  flight: Flight,
  lease: Lease,
  attempt: number,
  value: T,
): Promise<Outcome<T>> {
  const { text, error } = encodeResult(value, call.settings.serializer);
  if (error !== undefined) call.emit?.({ type: "unstorable", attempt, error });
  const ending = completion(call, text);
  const answer = settle(call, ending);
  const settled = isPromise(answer) ? await answer : answer;
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
  if (settled === undefined) void settleLater(call, ending, lease.deadline).then(close);
  else close();
  call.emit?.({ type: "completed", attempt, persisted });
  return { value, replayed: false, persisted, attempt, key: call.key };
}

async function fail(
  call: Call,
  flight: Flight,
  lease: Lease,
  attempt: number,
  error: unknown,
): Promise<void> {
  const { policy, ending } = judge(call, error);
  const settled = await settle(call, ending);
  const { flights, storeKey } = call;
  const wasOurs = flights.get(storeKey) === flight;
  // What the caller's own abort brought about is no answer to the others.
  const isOwn = call.settings.signal?.aborted === true;
  landFlight(flights, storeKey, flight, isOwn ? { type: "left" } : { type: "failed", error, attempt });
  if (settled === undefined && wasOurs)
    keepOthersOff(call, attempt, settleLater(call, ending, lease.deadline));
  call.emit?.({ type: "failed", attempt, error, policy });
}

/** While the store does not know yet that a run has failed, the calls of this process wait rather than ask it. */
function keepOthersOff(call: Call, attempt: number, settled: Promise<unknown>): void {
  const flight = openFlight(call.flights, call.storeKey);
  holdFlight(flight, attempt, call.settings.leaseMs, call.settings.fingerprint);
  void settled.then(() => landFlight(call.flights, call.storeKey, flight, { type: "left" }));
}

function judge(call: Call, error: unknown): { policy: ErrorPolicy; ending: Ending } {
  const policy = policyFor(call, error);
  if (policy === "release") return { policy, ending: release(call) };
  if (policy === "store") return { policy, ending: completion(call, encodeError(error)) };
  return { policy, ending: hold(call) };
}

function policyFor(call: Call, error: unknown): ErrorPolicy {
  const { onError } = call.settings;
  if (onError === undefined) return interruptedInTransit(error) ? "hold" : "release";
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

/** Runs `fn` though its claim could not be made; should that turn out to be made after all, it is settled. */
export async function runUnprotected<T>(call: Call<T>, flight: Flight, cause: unknown): Promise<Outcome<T>> {
  call.emit?.({ type: "unprotected", error: cause });
  const attempt = 1;
  const execution = new LazyExecution(call.key, call.storeKey, { attempt, runId: call.token });
  holdFlight(flight, attempt, call.settings.leaseMs, call.settings.fingerprint);
  const deadline = performance.now() + call.settings.leaseMs;
  let value: T;
  try {
    value = await runUnder(call, execution, undefined);
  } catch (error) {
    const { policy, ending } = judge(call, error);
    settleLate(call, ending, deadline);
    const isOwn = call.settings.signal?.aborted === true;
    landFlight(
      call.flights,
      call.storeKey,
      flight,
      isOwn ? { type: "left" } : { type: "failed", error, attempt },
    );
    call.emit?.({ type: "failed", attempt, error, policy });
    throw error;
  }
  const { text, error } = encodeResult(value, call.settings.serializer);
  if (error !== undefined) call.emit?.({ type: "unstorable", attempt, error });
  settleLate(call, completion(call, text), deadline);
  const { fingerprint } = call.settings;
  const end =
    error === undefined
      ? ({ type: "completed", outcome: text, attempt, persisted: false, fingerprint } as const)
      : ({ type: "value", value, attempt, fingerprint } as const);
  landFlight(call.flights, call.storeKey, flight, end);
  call.emit?.({ type: "completed", attempt, persisted: false });
  return { value, replayed: false, persisted: false, attempt, key: call.key };
}

function settleLate(call: Call, ending: Ending, deadline: number): void {
  void settleLater(call, ending, deadline);
  whenLate(call, () => void settleLater(call, ending, performance.now() + call.settings.leaseMs));
}
