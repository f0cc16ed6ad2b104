import { type Duration, MIN_TTL_MS, parseDuration, readDuration } from "../../contract/duration.ts";
import type { Idempotency, KeyEntry } from "../../contract/idempotency.ts";
import { expectFunction, expectMethods, invalidOption, readByRules } from "../../contract/validate.ts";
import type { Awaitable } from "../../util/awaitable.ts";

/**
 * What a look at the provider found: it happened, with the result that calls get from now on; it did not, and the next
 * call runs; or undefined, where that is not known yet and the key stays uncertain.
 */
export type Finding =
  | {
      /** It happened. */
      happened: true;
      /** What the function would have returned. */
      value: unknown;
    }
  | {
      /** It did not, and will not. */
      happened: false;
    }
  | undefined;

/** How to settle the keys whose outcome is unknown. */
export interface ReconcileOptions {
  /**
   * Looks at the provider, by `entry.idempotencyKey` or whatever else was sent along. Answer `{ happened: false }` only
   * where it certainly did not happen: what is not there *yet* may still come. `signal` aborts when that of the options
   * does. What it throws costs that entry only.
   */
  find(entry: KeyEntry, context: { signal: AbortSignal }): Awaitable<Finding>;
  /** How long a result that was found is kept, from then on. */
  ttl: Duration;
  /**
   * Only keys that have been uncertain for that long: give a provider the time that it takes to show what it did. From 0
   * seconds to 24 hours.
   * @default "1m"
   */
  olderThan?: Duration | undefined;
  /**
   * How many looks are under way at once.
   * @default 4
   */
  concurrency?: number | undefined;
  /**
   * The most looks that one pass takes. Keys that are left uncertain may come first again in the next pass.
   * @default no limit
   */
  limit?: number | undefined;
  /** Begins no more looks, and aborts the `signal` of those under way. */
  signal?: AbortSignal | undefined;
  /**
   * Gets what went wrong with an entry: what `find` threw or the store failed with. Without an entry the listing itself
   * failed. What it throws is ignored.
   */
  onError?: ((error: unknown, entry: KeyEntry | undefined) => void) | undefined;
}

/** What one pass came to. */
export interface Reconciled {
  /** The keys that `find` was asked about: all of the others together. */
  looked: number;
  /** They had happened, and have a result now. */
  resolved: number;
  /** They had not, and may run again. */
  reopened: number;
  /** Not known yet; or settled by somebody else meanwhile. */
  left: number;
  /** `find` or the store failed, and the keys are as uncertain as before. */
  failed: number;
}

/** Options as a pass works with them: checked, and with defaults. */
export interface Pass {
  readonly find: ReconcileOptions["find"];
  readonly ttl: Duration;
  readonly olderThan: Duration;
  readonly concurrency: number;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
  readonly onError: NonNullable<ReconcileOptions["onError"]> | undefined;
  readonly everyMs: number | undefined;
}

function expectCount(name: string, value: unknown): void {
  if (!Number.isInteger(value) || (value as number) < 1) invalidOption(name, "a whole number from 1", value);
}

const RULES = {
  find(value: unknown): Partial<Pass> {
    expectFunction("find", value);
    return { find: value as Pass["find"] };
  },
  ttl(value: unknown): Partial<Pass> {
    parseDuration(value as Duration);
    return { ttl: value as Duration };
  },
  olderThan(value: unknown): Partial<Pass> {
    readDuration(value, { name: "olderThan", minMs: 0 });
    return { olderThan: value as Duration };
  },
  concurrency(value: unknown): Partial<Pass> {
    expectCount("concurrency", value);
    return { concurrency: value as number };
  },
  limit(value: unknown): Partial<Pass> {
    expectCount("limit", value);
    return { limit: value as number };
  },
  signal(value: unknown): Partial<Pass> {
    const methods = ["addEventListener", "removeEventListener", "throwIfAborted"];
    expectMethods("signal", "an AbortSignal", methods, value);
    return { signal: value as AbortSignal };
  },
  onError(value: unknown): Partial<Pass> {
    expectFunction("onError", value);
    return { onError: value as NonNullable<Pass["onError"]> };
  },
};

const REPEATED_RULES = {
  ...RULES,
  every: (value: unknown): Partial<Pass> => ({
    everyMs: readDuration(value, { name: "every", minMs: MIN_TTL_MS }),
  }),
};

const DEFAULTS: Omit<Pass, "find" | "ttl"> = {
  olderThan: "1m",
  concurrency: 4,
  limit: Number.POSITIVE_INFINITY,
  signal: undefined,
  onError: undefined,
  everyMs: undefined,
};

/** Checks what `reconcile` or, with `isRepeated`, `startReconciler` is given. Throws `INVALID_OPTION` and the like. */
export function readPass(idempotency: Idempotency, options: unknown, isRepeated: boolean): Pass {
  const methods = ["list", "resolve", "reopen"];
  expectMethods("idempotency", "what createIdempotency() returned", methods, idempotency);
  const owner = isRepeated ? "startReconciler options" : "reconcile options";
  const given = readByRules<Partial<Pass>>(owner, options, isRepeated ? REPEATED_RULES : RULES);
  for (const name of isRepeated ? ["find", "ttl", "every"] : ["find", "ttl"]) {
    if ((options as Record<string, unknown>)[name] === undefined) {
      invalidOption(owner, `${name}, which has no default`, options);
    }
  }
  return { ...DEFAULTS, ...given } as Pass;
}
