import { isIdempotencyError, ResultUnavailableError, StoreError } from "../contract/errors.ts";
import type { StoreOperation } from "../contract/events.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import { describe, reasonOf } from "../util/describe.ts";
import { notify } from "../util/notify.ts";
import { within } from "../util/within.ts";
import type { Call } from "./call.ts";

/** A key in a store. */
type At = Pick<Call, "storeKey"> & { readonly scope: Pick<Call["scope"], "store"> };

/**
 * The answer of one operation of the store, within its time: the only place where one is waited for. At once where the
 * store answers so; rejects as it does, or with a {@link StoreTimeout} after `timeoutMs`, which is what is left of
 * `ofMs`. The store learns when nobody waits any more.
 */
export function inTime<T>(at: At, answer: Awaitable<T>, timeoutMs: number, ofMs = timeoutMs): Awaitable<T> {
  if (!isPromise(answer)) return answer;
  const { [IN_TIME]: own } = answer as Partial<Timed<T>>;
  const over = (late: PromiseLike<T>) => gaveUp(at, late, ofMs);
  return own === undefined ? within(answer, timeoutMs, () => over(answer)) : own(timeoutMs, over);
}

/** An answer that sees to its own time: it comes with others, or the operation waits for others in this process. */
export interface Timed<T> {
  /** The answer within that time from when the operation is sent; rejects with what is made of the answer that is late. */
  readonly [IN_TIME]: (timeoutMs: number, over: (late: PromiseLike<T>) => Error) => Promise<T>;
}

export const IN_TIME: unique symbol = /* @__PURE__ */ Symbol();

function gaveUp({ scope: { store }, storeKey }: At, late: PromiseLike<unknown>, waitedMs: number): Error {
  notify(() => store.abandoned?.(storeKey), undefined);
  return new StoreTimeout(late, waitedMs);
}

/** The store did not answer in time: nobody knows what became of the operation. */
export class StoreTimeout extends Error {
  /** What it may answer yet. */
  readonly late: PromiseLike<unknown>;
  readonly waitedMs: number;

  constructor(late: PromiseLike<unknown>, waitedMs: number) {
    super(`no answer within ${waitedMs} ms`);
    this.late = late;
    this.waitedMs = waitedMs;
  }
}

/** As `instanceof`, of anything that a store may reject with, such as a revoked proxy. */
function isA<T>(error: unknown, type: new (...args: never[]) => T): error is T {
  try {
    return error instanceof type;
  } catch {
    return false;
  }
}

export const isTimeout = (error: unknown): error is StoreTimeout => isA(error, StoreTimeout);

/** Whether a store says that the key has a record which it cannot read: neither absent nor an outage. */
export function isUnreadable(error: unknown): error is ResultUnavailableError {
  return isIdempotencyError(error, "RESULT_UNAVAILABLE");
}

/** The failure of a store's operation, as callers see it. */
export function storeError(
  operation: StoreOperation,
  cause: unknown,
  key: string | undefined,
): StoreError | ResultUnavailableError {
  if (isUnreadable(cause)) return new ResultUnavailableError(cause.message, { key, cause });
  return new StoreError(`The store failed to ${operation}: ${reasonOf(cause)}`, { key, cause });
}

/** What a store answered instead of what its interface says. */
export function nonsense(operation: StoreOperation, expected: string, got: unknown): StoreError {
  return new StoreError(
    `store.${operation} returned an invalid answer: expected ${expected}; got ${describe(got)}`,
  );
}

/** The answer of an operation that says yes or no; throws where it is something else. */
export function yesOrNo(operation: StoreOperation, answer: unknown): boolean {
  if (typeof answer !== "boolean") throw nonsense(operation, "true or false", answer);
  return answer;
}

/**
 * An operation that says yes or no; undefined, and an event, if it failed. No failure of the store changes what `fn`
 * came to (P3 and P4). Answers at once if the store does.
 */
export function askStore<About>(
  call: Call,
  operation: StoreOperation,
  ask: (call: Call, about: About) => Awaitable<boolean>,
  about: About,
  timeoutMs: number,
): Awaitable<boolean | undefined> {
  try {
    const answer = inTime(call, ask(call, about), timeoutMs);
    return isPromise(answer) ? askedStore(call, operation, answer) : yesOrNo(operation, answer);
  } catch (error) {
    return failed(call, operation, error);
  }
}

async function askedStore(
  call: Call,
  operation: StoreOperation,
  answer: PromiseLike<boolean>,
): Promise<boolean | undefined> {
  try {
    return yesOrNo(operation, await answer);
  } catch (error) {
    return failed(call, operation, error);
  }
}

function failed(call: Call, operation: StoreOperation, error: unknown): undefined {
  call.emit?.({ type: "store-error", operation, error });
  return undefined;
}
