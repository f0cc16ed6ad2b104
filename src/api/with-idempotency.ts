import type { Duration } from "../contract/duration.ts";
import type { Execution } from "../contract/execution.ts";
import type { IdempotentConfig } from "../contract/idempotency.ts";
import type { Key } from "../contract/key.ts";
import { DEFAULTS, type Options } from "../contract/options.ts";
import { newBinding } from "./binding.ts";
import { callForValue } from "./create-idempotency.ts";
import { wrap } from "./make-idempotent.ts";

// Options only: state is in the store, which is the process's own where a call names none.
const UNBOUND = /* @__PURE__ */ newBinding(DEFAULTS);

/**
 * Runs `fn` once for a key. Until `ttl` after completion, every other call with that key gets the first call's
 * result without running `fn`. Concurrent calls share one run. An error of `fn` reaches the caller unchanged. By
 * default it frees the key for a retry, unless the request may have arrived.
 *
 * @param key what must happen only once, such as `["order-shipped", orderId]`
 * @param ttl how long the result is kept, from 1 second to 24 hours: `"24h"`
 * @param fn the side effect; its {@link Execution} has the key to send to the provider, the attempt and a signal
 * @param options see {@link Options} for each option and its default
 * @returns `fn`'s result, or one deep-equal to it
 * @throws whatever `fn` throws; `INVALID_KEY`, `INVALID_DURATION`, `DURATION_OUT_OF_RANGE`, `INVALID_OPTION`,
 * `IN_PROGRESS`, `KEY_REUSED`, `OUTCOME_UNKNOWN`, `RESULT_UNAVAILABLE`, `STORE_ERROR`, `REPLAYED_ERROR`
 *
 * @example
 * ```ts
 * import { withIdempotency } from "with-idempotency";
 *
 * const sent: string[] = [];
 * const send = () => withIdempotency(["order-shipped", 42], "24h", ({ idempotencyKey }) => sent.push(idempotencyKey));
 * console.log(await send(), await send(), sent.length); // → 1 1 1
 * ```
 */
export function withIdempotency<T>(
  key: Key,
  ttl: Duration,
  fn: (execution: Execution) => T | PromiseLike<T>,
  options?: Options<T>,
): Promise<T> {
  return callForValue(UNBOUND, key, ttl, fn, options);
}

/**
 * Returns a function that does what `fn` does, but only once for each key. It keeps `this`. The configuration is
 * checked at once.
 *
 * @throws InvalidOptionError `INVALID_OPTION`; InvalidDurationError `INVALID_DURATION`, `DURATION_OUT_OF_RANGE`;
 * the returned function rejects as {@link withIdempotency} does
 *
 * @example
 * ```ts
 * import { makeIdempotent } from "with-idempotency";
 *
 * const welcome = makeIdempotent(async (user: { id: number; name: string }) => `Hello, ${user.name}`, {
 *   key: user => ["welcome", user.id],
 *   ttl: "24h",
 * });
 * console.log(await welcome({ id: 7, name: "Mira" })); // → Hello, Mira
 * ```
 */
export function makeIdempotent<A extends unknown[], R, This = unknown>(
  fn: (this: This, ...args: A) => R,
  config: IdempotentConfig<A, Awaited<R>>,
): (this: This, ...args: A) => Promise<Awaited<R>> {
  return wrap(withIdempotency, fn, config);
}
