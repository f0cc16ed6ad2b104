import { isIdempotencyError, ResultUnavailableError, StoreError } from "../contract/errors.ts";
import type { StoreOperation } from "../contract/events.ts";
import type { Awaitable } from "../util/awaitable.ts";
import { isPromise } from "../util/awaitable.ts";
import { describe } from "../util/describe.ts";
import type { Call } from "./call.ts";

/** Whether a store says that the key has a record which it cannot read: neither absent nor an outage. */
export function isUnreadable(error: unknown): error is ResultUnavailableError {
  return isIdempotencyError(error, "RESULT_UNAVAILABLE");
}

/** The failure of a store's operation, as callers see it. */
export function storeError(
  operation: StoreOperation,
  cause: unknown,
  key: string,
): StoreError | ResultUnavailableError {
  if (isUnreadable(cause)) return new ResultUnavailableError(cause.message, { key, cause });
  return new StoreError(`The store failed to ${operation}: ${reasonOf(cause)}`, { key, cause });
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return describe(cause);
  // A client's own errors may have nothing but a class.
  return cause.message || `${cause.constructor?.name}, without a message`;
}

/** What a store answered instead of what its interface says. */
export function nonsense(operation: StoreOperation, expected: string, got: unknown): StoreError {
  return new StoreError(`store.${operation} answered nonsense: expected ${expected}; got ${describe(got)}`);
}

/**
 * Settles as `promise` does, or rejects after `ms`, which is what is left of `ofMs`. Its timer holds the process open,
 * as the answer would.
 */
export function within<T>(promise: PromiseLike<T>, ms: number, ofMs = ms): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new StoreTimeout(ofMs)), ms);
    const settle = (settler: () => void) => {
      clearTimeout(timer);
      settler();
    };
    promise.then(
      value => settle(() => resolve(value)),
      error => settle(() => reject(error)),
    );
  });
}

/** The store did not answer in time: nobody knows what became of the operation. */
export class StoreTimeout extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
  }
}

/**
 * One operation of the store that answers yes or no, within `timeoutMs`; undefined, and an event, where it failed.
 * Answers at once where the store does.
 */
export function askStore(
  call: Call,
  operation: StoreOperation,
  ask: () => Awaitable<boolean>,
  timeoutMs: number,
): Awaitable<boolean | undefined> {
  try {
    const answer = ask();
    return isPromise(answer) ? askLater(call, operation, answer, timeoutMs) : yesOrNo(operation, answer);
  } catch (error) {
    call.emit?.({ type: "store-error", operation, error });
    return undefined;
  }
}

async function askLater(
  call: Call,
  operation: StoreOperation,
  answer: PromiseLike<boolean>,
  timeoutMs: number,
): Promise<boolean | undefined> {
  try {
    return yesOrNo(operation, await within(answer, timeoutMs));
  } catch (error) {
    call.emit?.({ type: "store-error", operation, error });
    return undefined;
  }
}

/** The answer of an operation that says yes or no; throws where it is something else. */
export function yesOrNo(operation: StoreOperation, answer: unknown): boolean {
  if (typeof answer !== "boolean") throw nonsense(operation, "true or false", answer);
  return answer;
}
