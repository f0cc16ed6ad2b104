import type { Duration } from "./duration.ts";
import type { StoredError } from "./errors.ts";
import type { Execution } from "./execution.ts";
import type { Key } from "./key.ts";
import type { BatchFn, ManyConfig, ManyOutcomes } from "./many.ts";
import type { Options } from "./options.ts";

/** The result of a call, and how it came about. */
export interface Outcome<T> {
  /** `fn`'s result, or one deep-equal to it. */
  value: T;
  /** True if this call did not run `fn` itself. */
  replayed: boolean;
  /** False if `fn` succeeded but its result was not stored. */
  persisted: boolean;
  /** The number of the run that produced the value, counted from 1. */
  attempt: number;
  /** The key's text. */
  key: string;
}

/** The configuration of `makeIdempotent`: the key and `ttl` of a call, and the options of the wrapper. */
// biome-ignore lint/suspicious/noExplicitAny: as for Options.
export type IdempotentConfig<A extends unknown[], T = any> = Omit<Options<T>, "fingerprint"> & {
  /**
   * Returns the key for a call's arguments. If it throws, the call rejects with that error and the function does
   * not run.
   */
  key: (...args: A) => Key;
  /** How long a result is kept, from 1 second to 24 hours. */
  ttl: Duration;
  /** Returns, for a call's arguments, the payload that must match when the key is used again. */
  fingerprint?: ((...args: A) => unknown) | undefined;
};

/** What the store knows about a key. */
export interface KeyState {
  /**
   * `"in-progress"`: a run holds it. `"released"`: a run failed, and the next call runs. `"uncertain"`: nobody
   * knows whether the side effect happened. `"completed"`: it has a result.
   */
  state: "in-progress" | "released" | "uncertain" | "completed";
  /** The number of the latest run, counted from 1. */
  attempt: number;
  /** The `execution.idempotencyKey` of that run: search for it at the provider. */
  idempotencyKey: string;
  /** The same as `execution.idempotencyUuid`. */
  idempotencyUuid: string;
  /** When the first call of this window claimed the key. */
  claimedAt: Date;
  /** Milliseconds until the lease ends; 0 unless in progress. */
  leaseInMs: number;
  /** Milliseconds until the key is forgotten, if nothing else happens to it. */
  expiresInMs: number;
  /** The result, if `state` is `"completed"` and the result can be read. */
  value?: unknown;
  /** The error, if `state` is `"completed"` and `onError` chose to store the error. */
  error?: StoredError;
}

/**
 * A key in a listing. You can pass it to `inspect`, `resolve`, `reopen` and `forget` in place of a key, also after
 * it went through JSON.
 */
export interface KeyEntry extends KeyState {
  /** The key's text; undefined if the store has only a digest, as for a key of more than 256 characters. */
  key: string | undefined;
  /** The key as it is stored, with its namespace. */
  storeKey: string;
  /** Identifies the window. An operation on an entry changes only the window that the entry shows (S11). */
  runId: string;
}

/** Which keys to list. */
export interface ListFilter {
  /**
   * The state of the keys to list.
   * @default "uncertain"
   */
  state?: KeyState["state"] | undefined;
  /**
   * Lists only keys that have been uncertain for at least that long or, for another state, whose window began at
   * least that long ago: 0 seconds to 24 hours.
   */
  olderThan?: Duration | undefined;
}

/** The wrapper, bound to a store, a namespace and defaults. You can destructure its functions. */
export interface Idempotency {
  /** Like {@link withIdempotency}. Options given here override the bound ones. */
  withIdempotency<T>(
    key: Key,
    ttl: Duration,
    fn: (execution: Execution) => T | PromiseLike<T>,
    options?: Options<T>,
  ): Promise<T>;
  /** Like {@link makeIdempotent}. */
  makeIdempotent<A extends unknown[], R, This = unknown>(
    fn: (this: This, ...args: A) => R,
    config: IdempotentConfig<A, Awaited<R>>,
  ): (this: This, ...args: A) => Promise<Awaited<R>>;
  /**
   * Like `withIdempotency`, but also says how the value came about.
   *
   * @example
   * ```ts
   * import { createIdempotency } from "with-idempotency";
   *
   * const { execute } = createIdempotency({ namespace: "receipts" });
   * console.log((await execute(["order", 42], "1h", () => "sent")).replayed); // → false
   * console.log((await execute(["order", 42], "1h", () => "sent")).replayed); // → true
   * ```
   */
  execute<T>(
    key: Key,
    ttl: Duration,
    fn: (execution: Execution) => T | PromiseLike<T>,
    options?: Options<T>,
  ): Promise<Outcome<T>>;
  /**
   * Does something once for each of many items, with one `fn` per batch, such as a campaign through a provider's
   * batch call. Each item is treated like a separate call. If its key is completed, the result is replayed. If
   * another call holds the key, the item waits or is rejected. Otherwise it runs in a batch of up to `batchSize`
   * items. No item's outcome depends on another's.
   *
   * Await the return value for all outcomes, in the order of the items. Or read them one by one with `for await`,
   * which keeps memory bounded for a stream of any length: at most two batches run at once, and items are pulled
   * as needed. Work starts at once. If you leave the loop, no more items are pulled, and running batches finish.
   *
   * Rejects with `INVALID_OPTION`, or with what `parseDuration` throws, before anything is claimed. If the
   * iterable throws, it rejects with that error once the earlier items have ended. If an abort cuts short an
   * iterable that is not an array, it rejects with the signal's reason. Anything else is the outcome of an item.
   * If you neither await nor read it, it stops after 10,000 items.
   *
   * @param items an array or any other iterable, also an async one
   * @param fn gets the items to run, and returns one result for each, in their order. An `Error` in an item's
   * place is that item's failure. If `fn` throws, every item of the batch fails. A wrong number of results also
   * fails every item, and leaves the keys uncertain.
   * @example
   * ```ts
   * import { createIdempotency } from "with-idempotency";
   *
   * const launch = createIdempotency({ namespace: "launch" });
   * const users = [{ id: 1 }, { id: 2 }];
   * const outcomes = await launch.executeMany(
   *   users,
   *   { key: user => ["user", user.id], ttl: "24h", batchSize: 100 },
   *   batch => batch.map(({ id }) => `sent to ${id}`), // one result for each
   * );
   * console.log(outcomes.map(({ status }) => status).join()); // → fulfilled,fulfilled
   * ```
   */
  executeMany<I, T>(
    items: Iterable<I> | AsyncIterable<I>,
    config: ManyConfig<I>,
    fn: BatchFn<I, T>,
  ): ManyOutcomes<T>;
  /**
   * Returns what the store knows about a key, or undefined. Throws `INVALID_KEY`, `STORE_ERROR`, and
   * `RESULT_UNAVAILABLE` if the record cannot be read.
   *
   * @example
   * ```ts
   * import { createIdempotency } from "with-idempotency";
   *
   * const receipts = createIdempotency({ namespace: "receipts" });
   * await receipts.withIdempotency(["order", 43], "1h", () => "sent");
   * console.log((await receipts.inspect(["order", 43]))?.state); // → completed
   * ```
   */
  inspect(key: Key | KeyEntry): Promise<KeyState | undefined>;
  /**
   * Removes a key in any state, so that the next call runs. A run in progress is not stopped, but its result is
   * not stored. Returns false if there was no such key, or if a later run has replaced the entry. Throws
   * `INVALID_KEY`, `INVALID_OPTION` for an entry of another namespace, and `STORE_ERROR`.
   *
   * @example
   * ```ts
   * import { createIdempotency } from "with-idempotency";
   *
   * const receipts = createIdempotency({ namespace: "receipts" });
   * await receipts.withIdempotency(["order", 44], "1h", () => "sent");
   * console.log(await receipts.forget(["order", 44]), await receipts.forget(["order", 44])); // → true false
   * ```
   */
  forget(key: Key | KeyEntry): Promise<boolean>;
  /**
   * Completes an uncertain key with the value that you found at the provider. For `ttl` from now, calls get it as
   * the result. Returns false if the key is not uncertain, or if it has changed since the entry was listed. Throws
   * `INVALID_KEY`, `INVALID_OPTION` if the value cannot be stored or the entry is of another namespace,
   * `STORE_ERROR`, and what `parseDuration` throws.
   *
   * @example
   * ```ts
   * import { createIdempotency } from "with-idempotency";
   *
   * const receipts = createIdempotency({ namespace: "receipts" });
   * const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
   * await receipts.withIdempotency(["order", 45], "1h", cut).catch(() => {});
   * // The provider says the email was sent. Later calls get this result.
   * console.log(await receipts.resolve(["order", 45], "24h", { id: "email-1" })); // → true
   * ```
   */
  resolve(key: Key | KeyEntry, ttl: Duration, value: unknown): Promise<boolean>;
  /**
   * Frees an uncertain key whose side effect did not happen. The next call runs, with the next `attempt` and the
   * same `idempotencyKey`. Returns false if the key is not uncertain, or if a later run has replaced the entry.
   * Throws `INVALID_KEY`, `INVALID_OPTION` for an entry of another namespace, and `STORE_ERROR`.
   *
   * @example
   * ```ts
   * import { createIdempotency } from "with-idempotency";
   *
   * const receipts = createIdempotency({ namespace: "receipts" });
   * const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
   * await receipts.withIdempotency(["order", 46], "1h", cut).catch(() => {});
   * // The provider says no email was sent. The next call sends.
   * console.log(await receipts.reopen(["order", 46])); // → true
   * console.log(await receipts.withIdempotency(["order", 46], "1h", () => "sent")); // → sent
   * ```
   */
  reopen(key: Key | KeyEntry): Promise<boolean>;
  /**
   * Lists the keys of this namespace one by one, in no particular order. By default it lists the uncertain ones.
   * It is not a snapshot: a key may come twice, and a key that changes during the listing may or may not appear.
   * It needs memory for one page of keys and blocks no call. Throws `INVALID_OPTION` at once, also if the store
   * cannot list, and `STORE_ERROR` while it reads.
   *
   * @example
   * ```ts
   * import { createIdempotency } from "with-idempotency";
   *
   * const receipts = createIdempotency({ namespace: "lost-receipts" });
   * const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
   * await receipts.withIdempotency(["order", 47], "1h", cut).catch(() => {});
   * for await (const { key, state } of receipts.list()) console.log(key, state); // → order:47 uncertain
   * ```
   */
  list(filter?: ListFilter): AsyncIterable<KeyEntry>;
}
