import { type Duration, parseDuration } from "./duration.ts";
import type { Idempotency } from "./idempotency.ts";
import type { Key } from "./key.ts";
import { DEFAULTS, type Options, readOptions } from "./options.ts";
import { expectFunction, invalidOption } from "./rules.ts";

/** How a function is made idempotent: the key and the window of a call, and the options of the wrapper. */
export type IdempotentConfig<A extends unknown[]> = Omit<Options, "fingerprint"> & {
  /** The key of a call, from its arguments. What it throws rejects the call, and the function does not run. */
  key: (...args: A) => Key;
  /** How long a result is kept. */
  ttl: Duration;
  /** The payload of a call that must match on reuse of its key, from its arguments. */
  fingerprint?: ((...args: A) => unknown) | undefined;
};

/** What {@link Idempotency.makeIdempotent} does; the configuration is checked at once. */
export function wrap<A extends unknown[], R, This>(
  { withIdempotency }: Pick<Idempotency, "withIdempotency">,
  fn: (this: This, ...args: A) => R,
  config: IdempotentConfig<A>,
): (this: This, ...args: A) => Promise<Awaited<R>> {
  expectFunction("fn", fn);
  if (typeof config !== "object" || config === null)
    invalidOption("config", "an object with key and ttl", config);
  const { key, ttl, fingerprint, ...options } = config;
  expectFunction("key", key);
  if (fingerprint !== undefined) expectFunction("fingerprint", fingerprint);
  parseDuration(ttl);
  readOptions(options, DEFAULTS);
  return async function (...args): Promise<Awaited<R>> {
    const run = () => Reflect.apply(fn, this, args) as Awaited<R> | PromiseLike<Awaited<R>>;
    const ofCall =
      fingerprint === undefined
        ? options
        : Object.assign({ fingerprint: Reflect.apply(fingerprint, this, args) }, options);
    return withIdempotency<Awaited<R>>(Reflect.apply(key, this, args), ttl, run, ofCall);
  };
}
