import { parseDuration } from "../contract/duration.ts";
import type { Idempotency, IdempotentConfig } from "../contract/idempotency.ts";
import { DEFAULTS, readOptions } from "../contract/options.ts";
import { expectFunction, expectPlain } from "../contract/validate.ts";
import { disown } from "../util/awaitable.ts";

/** What {@link Idempotency.makeIdempotent} does; the configuration is checked at once. */
export function wrap<A extends unknown[], R, This>(
  withIdempotency: Idempotency["withIdempotency"],
  fn: (this: This, ...args: A) => R,
  config: IdempotentConfig<A, Awaited<R>>,
): (this: This, ...args: A) => Promise<Awaited<R>> {
  expectFunction("fn", fn);
  expectPlain("config", config, "a plain object with key and ttl");
  const { key, ttl, fingerprint, ...options } = config;
  expectFunction("key", key);
  if (fingerprint !== undefined) expectFunction("fingerprint", fingerprint);
  parseDuration(ttl);
  readOptions(options, DEFAULTS);
  return async function (...args): Promise<Awaited<R>> {
    const run = () => Reflect.apply(fn, this, args) as Awaited<R> | PromiseLike<Awaited<R>>;
    let ofCall: typeof options & { fingerprint?: unknown } = options;
    if (fingerprint !== undefined) {
      const payload = Reflect.apply(fingerprint, this, args);
      // A promise is refused, unless a bad key is refused first.
      disown(payload);
      ofCall = Object.assign({ fingerprint: payload }, options);
    }
    return withIdempotency<Awaited<R>>(Reflect.apply(key, this, args), ttl, run, ofCall);
  };
}
