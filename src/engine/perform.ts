import { isIdempotencyError } from "../contract/errors.ts";
import type { ClaimResult } from "../contract/store.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import { onAbort } from "../util/on-abort.ts";
import type { Call } from "./call.ts";
import { claim } from "./claim.ts";
import { run, runUnprotected } from "./run.ts";
import { abandon, giveBack, settleNowOrLater } from "./settle.ts";
import {
  type Flight,
  type FlightEnd,
  findFlight,
  holdFlight,
  isSilent,
  landFlight,
  openFlight,
  watchFlight,
} from "./shared-runs.ts";
import { storeError } from "./store-call.ts";
import { returnToken } from "./token.ts";
import { nextPoll } from "./wait.ts";

type Claimed = Extract<ClaimResult, { status: "claimed" }>;
type Completed = Extract<ClaimResult, { status: "completed" }>;

/** Sees a call through: claim → run → settle, or the result of a run that it shares. Answers at once where it can. */
export function perform<Answer>(call: Call<Answer>): Awaitable<Answer> {
  const { signal } = call.settings;
  if (signal === undefined) return proceed(call);
  if (signal.aborted) call.emit?.({ type: "aborted" });
  return abortable(call, proceed(call), signal);
}

/** Rejects as soon as the signal aborts; what was begun goes on to its own end. */
function abortable<Answer>(
  call: Call<Answer>,
  answer: Awaitable<Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      forget();
      call.emit?.({ type: "aborted" });
      reject(signal.reason);
    };
    const forget = onAbort(signal, abort);
    if (signal.aborted) abort();
    Promise.resolve(answer).finally(forget).then(resolve, reject);
  });
}

/** Takes the call's turn, or shares the run of another call of this process. */
function proceed<Answer>(call: Call<Answer>): Awaitable<Answer> {
  call.throwIfAborted();
  const flight = findFlight(call.flights, call.storeKey);
  return flight === undefined ? lead(call) : follow(call, flight);
}

function lead<Answer>(call: Call<Answer>): Awaitable<Answer> {
  const answer = claim(call);
  const isAtOnce = !isPromise(answer) && call.seenAttempt === 0;
  if (isAtOnce && answer.status === "completed") {
    returnToken(call.token);
    return replay(call, answer, true);
  }
  const flight = openFlight(call.flights, call.storeKey);
  // The common case, which waits for nothing.
  if (isAtOnce && answer.status === "claimed") return run(call, flight, answer);
  return takeTurn(call, flight, answer);
}

async function takeTurn<Answer>(
  call: Call<Answer>,
  flight: Flight,
  answer: Awaitable<ClaimResult>,
): Promise<Answer> {
  const land = (end: FlightEnd) => landFlight(call.flights, call.storeKey, flight, end);
  let isRunning = false;
  try {
    const turn = await untilTurn(call, flight, await answer);
    isRunning = turn.status === "claimed";
    if (turn.status === "claimed") return await run(call, flight, turn);
    const { outcome, attempt, fingerprint } = turn;
    land({ type: "completed", outcome, attempt, persisted: true, fingerprint });
    return replay(call, turn, true);
  } catch (error) {
    if (isRunning || !isIdempotencyError(error, "STORE_ERROR")) throw error;
    const { onStoreError, signal } = call.settings;
    // Not beside a run that this call has seen, nor for a caller who has left while the claim was tried.
    if (onStoreError === "run" && call.seenAttempt === 0 && !signal?.aborted) {
      return await runUnprotected(call, flight, error);
    }
    land({ type: "store-error", error });
    abandon(call);
    throw refused(call, error);
  } finally {
    call.end();
    if (flight.end === undefined) land({ type: "left" });
  }
}

const LATE_CLAIMS = 2;

/** Whether the answer to the claim came so late that its lease is over. */
function isOver({ claimedAt, settings }: Call): boolean {
  return claimedAt !== undefined && performance.now() - claimedAt >= settings.leaseMs;
}

/** Waits, where another holds the key, until this call has it or there is a result. */
async function untilTurn(call: Call, flight: Flight, first: ClaimResult): Promise<Claimed | Completed> {
  let answer = first;
  let late = 0;
  for (let polls = 0; ; polls++) {
    if (answer.status === "completed") return answer;
    if (answer.status === "claimed") {
      if (!isOver(call)) return isTooLate(call, answer) ? await decline(call, answer) : answer;
      if (++late > LATE_CLAIMS)
        throw storeError("claim", new Error("its answers outlast the lease"), call.key);
      // Another may have taken over by now. Where none has, the store knows its own token.
      answer = await claim(call);
      continue;
    }
    const { status, attempt, fingerprint, retryAfterMs } = answer;
    call.requireFingerprint(fingerprint);
    if (status === "uncertain") throw call.outcomeUnknown(attempt, retryAfterMs);
    if (polls === 0) call.emit?.({ type: "waiting", attempt, retryAfterMs });
    call.seenAttempt = attempt;
    holdFlight(flight, attempt, retryAfterMs, fingerprint);
    call.requirePatience(retryAfterMs);
    if (!(await call.patience.until(nextPoll(call, polls)))) throw call.inProgress(retryAfterMs);
    answer = await claim(call);
  }
}

/** Whether a claim comes too late to be used. */
function isTooLate({ settings, seenAttempt }: Call, { attempt }: Claimed): boolean {
  // The run that this call waited for has gone, and its window with it: whether it had succeeded nobody knows.
  const missed = attempt <= seenAttempt && settings.onUncertain === "reject";
  return missed || settings.signal?.aborted === true;
}

async function decline(call: Call, { attempt }: Claimed): Promise<never> {
  await settleNowOrLater(call, giveBack(call, attempt));
  call.throwIfAborted();
  throw call.outcomeUnknown(call.seenAttempt, 0);
}

/** Shares the run of another call of this process. */
async function follow<Answer>(call: Call<Answer>, flight: Flight): Promise<Answer> {
  call.emit?.({ type: "joined" });
  try {
    while (flight.end === undefined && !isSilent(flight)) {
      if (flight.attempt > 0) {
        call.seenAttempt = flight.attempt;
        call.requireFingerprint(flight.fingerprint);
        call.requirePatience(flight.retryAfterMs);
      }
      const wasWoken = await call.patience.until(wake => watchFlight(flight, wake));
      if (!wasWoken) throw call.inProgress(flight.retryAfterMs);
    }
    return await share(call, flight.end ?? { type: "left" });
  } finally {
    call.end();
  }
}

/** What the end of another call's flight means for this one. */
function share<Answer>(call: Call<Answer>, end: FlightEnd): Awaitable<Answer> {
  switch (end.type) {
    case "completed":
      return replay(call, end, end.persisted);
    case "value":
      call.requireFingerprint(end.fingerprint);
      return replayed(call, end.value, end.attempt, false);
    case "failed":
      call.emit?.({ type: "shared-failure", attempt: end.attempt, error: end.error });
      throw end.error;
    case "store-error":
      if (call.settings.onStoreError === "throw") throw refused(call, end.error);
      return proceed(call);
    case "left":
      return proceed(call);
  }
}

function refused(call: Call, storeError: unknown): unknown {
  call.emit?.({ type: "refused", code: "STORE_ERROR" });
  return storeError;
}

function replay<Answer>(
  call: Call<Answer>,
  { outcome, attempt, fingerprint }: Pick<Completed, "outcome" | "attempt" | "fingerprint">,
  persisted: boolean,
): Answer {
  call.requireFingerprint(fingerprint);
  return replayed(call, call.decode(outcome), attempt, persisted);
}

function replayed<Answer>(call: Call<Answer>, value: unknown, attempt: number, persisted: boolean): Answer {
  call.emit?.({ type: "replayed", attempt });
  return call.answer(value, true, persisted, attempt, call.key);
}
