import type { Duration } from "../contract/duration.ts";
import type { Execution } from "../contract/execution.ts";
import type { Idempotency, Outcome } from "../contract/idempotency.ts";
import type { Key } from "../contract/key.ts";
import { DEFAULTS, type Options, readOptions } from "../contract/options.ts";
import { expectNamespace, expectPlain } from "../contract/validate.ts";
import { valueOnly, wholeOutcome } from "../engine/answers.ts";
import { type Binding, callOnce, newBinding } from "./binding.ts";
import { executeMany } from "./execute-many.ts";
import { forget, inspect, reopen, resolve } from "./key-operations.ts";
import { list } from "./list.ts";
import { wrap } from "./make-idempotent.ts";

/**
 * Returns the wrapper bound to a store, defaults and a namespace. A namespace separates the keys of one part of
 * your application from those of the others in the same store.
 *
 * @throws InvalidOptionError `INVALID_OPTION`; InvalidDurationError `INVALID_DURATION`, `DURATION_OUT_OF_RANGE`
 * @example
 * ```ts
 * import { createIdempotency, memoryStore } from "with-idempotency";
 *
 * const billing = createIdempotency({ namespace: "billing", store: memoryStore(), lease: "1m" });
 * console.log(await billing.withIdempotency(["invoice", 7], "24h", () => "sent")); // → sent
 * ```
 */
export function createIdempotency(options: Options & { namespace?: string | undefined } = {}): Idempotency {
  expectPlain("options", options);
  const { namespace, ...given } = options;
  expectNamespace("namespace", namespace);
  const binding = newBinding(readOptions(given, DEFAULTS), namespace);
  const instance: Idempotency = {
    withIdempotency: (key, ttl, fn, options) => callForValue(binding, key, ttl, fn, options),
    makeIdempotent: (fn, config) => wrap(instance.withIdempotency, fn, config),
    execute: (key, ttl, fn, options) => callForOutcome(binding, key, ttl, fn, options),
    executeMany: (items, config, fn) => executeMany(binding, items, config, fn),
    inspect: key => inspect(binding, key),
    forget: key => forget(binding, key),
    resolve: (key, ttl, value) => resolve(binding, key, ttl, value),
    reopen: key => reopen(binding, key),
    list: filter => list(binding, filter),
  };
  return instance;
}

type Fn<T> = (execution: Execution) => T | PromiseLike<T>;

/** A call that gets `fn`'s result. */
export function callForValue<T>(
  binding: Binding,
  key: Key,
  ttl: Duration,
  fn: Fn<T>,
  options: Options<T> | undefined,
): Promise<T> {
  // No async function, which would make a promise of its own for each call.
  try {
    // What is stored has no type: it is the caller who says what `fn` returns.
    return Promise.resolve(callOnce(binding, key, ttl, fn, options, valueOnly)) as Promise<T>;
  } catch (error) {
    return Promise.reject(error);
  }
}

/** A call that gets the whole outcome. */
async function callForOutcome<T>(
  binding: Binding,
  key: Key,
  ttl: Duration,
  fn: Fn<T>,
  options: Options<T> | undefined,
): Promise<Outcome<T>> {
  return callOnce(binding, key, ttl, fn, options, wholeOutcome) as Promise<Outcome<T>>;
}
