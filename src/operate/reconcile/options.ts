import { type Duration, MIN_TTL_MS, parseDuration, readDuration } from "../../contract/duration.ts";
import type { Idempotency, KeyEntry } from "../../contract/idempotency.ts";
import { expectFunction, expectMethods, invalidOption, readByRules } from "../../contract/validate.ts";
import type { Awaitable } from "../../util/awaitable.ts";

/**
 * What `find` found out at the provider. `{ happened: true, value }`: later calls get that value.
 * `{ happened: false }`: the next call runs. Undefined: not known yet, and the key stays uncertain.
 */
export type Finding =
  | {
      /** The side effect happened. */
      happened: true;
      /** The result that the function would have returned. */
      value: unknown;
    }
  | {
      /** The side effect did not happen, and will not. */
      happened: false;
    }
  | undefined;

/** The options of `reconcile`. */
export interface ReconcileOptions {
  /**
   * Looks the effect up at the provider, by `entry.idempotencyKey` or anything else that was sent along. Return
   * `{ happened: false }` only if it certainly did not happen: what is not there *yet* may still come. `signal`
   * aborts with the `signal` of the options. If `find` throws, only that entry fails.
   */
  find(entry: KeyEntry, context: { signal: AbortSignal }): Awaitable<Finding>;
  /** How long a found result is kept from then on: 1 second to 24 hours. */
  ttl: Duration;
  /**
   * Looks only at keys that have been uncertain for at least that long: 0 seconds to 24 hours. Give the provider
   * enough time to show what it did.
   * @default "1m"
   */
  olderThan?: Duration | undefined;
  /**
   * How many calls of `find` run at once.
   * @default 4
   */
  concurrency?: number | undefined;
  /**
   * The largest number of keys that one pass looks at. Keys that stay uncertain may come first again in the next
   * pass.
   * @default no limit
   */
  limit?: number | undefined;
  /** When it aborts, no more keys are looked at, and the `signal` of each running `find` aborts. */
  signal?: AbortSignal | undefined;
  /**
   * Called when an entry fails because `find` threw or the store failed. If there is no entry, the listing itself
   * failed. Errors that it throws are ignored.
   */
  onError?: ((error: unknown, entry: KeyEntry | undefined) => void) | undefined;
}

/** The result of one pass: how many keys ended how. */
export interface Reconciled {
  /** The keys that `find` was asked about: the sum of the others. */
  looked: number;
  /** The side effect had happened, and the key now has a result. */
  resolved: number;
  /** The side effect had not happened, and the next call runs. */
  reopened: number;
  /** Not known yet, or settled by somebody else in the meantime. */
  left: number;
  /** `find` or the store failed, and the key is still uncertain. */
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
