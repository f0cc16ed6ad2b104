import { parseDuration } from "../contract/duration.ts";
import type { Idempotency, IdempotentConfig } from "../contract/idempotency.ts";
import { DEFAULTS, readOptions } from "../contract/options.ts";
import { expectFunction, invalidOption } from "../contract/validate.ts";

/** What {@link Idempotency.makeIdempotent} does; the configuration is checked at once. */
export function wrap<A extends unknown[], R, This>(
  withIdempotency: Idempotency["withIdempotency"],
  fn: (this: This, ...args: A) => R,
  config: IdempotentConfig<A, Awaited<R>>,
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
