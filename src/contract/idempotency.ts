import type { Duration } from "./duration.ts";
import type { StoredError } from "./errors.ts";
import type { Execution } from "./execution.ts";
import type { Key } from "./key.ts";
import type { BatchFn, ManyConfig, ManyOutcomes } from "./many.ts";
import type { Options } from "./options.ts";

/** What came of a call. */
export interface Outcome<T> {
  /** `fn`'s result, or one deep-equal to it. */
  value: T;
  /** Whether this call did not itself run `fn`. */
  replayed: boolean;
  /** False where `fn` succeeded but its result could not be stored. */
  persisted: boolean;
  /** The run that the value comes from, from 1. */
  attempt: number;
  /** The key's text. */
  key: string;
}

/** How a function is made idempotent: the key and the window of a call, and the options of the wrapper. */
// biome-ignore lint/suspicious/noExplicitAny: as for Options.
export type IdempotentConfig<A extends unknown[], T = any> = Omit<Options<T>, "fingerprint"> & {
  /** The key of a call, from its arguments. What it throws rejects the call, and the function does not run. */
  key: (...args: A) => Key;
  /** How long a result is kept. */
  ttl: Duration;
  /** The payload of a call that must match on reuse of its key, from its arguments. */
  fingerprint?: ((...args: A) => unknown) | undefined;
};

/** What is known of a key. */
export interface KeyState {
  /** Who has it: a run, nobody (it failed and may run again), nobody knows, or a result. */
  state: "in-progress" | "released" | "uncertain" | "completed";
  /** The latest run, from 1. */
  attempt: number;
  /** What that run had as `execution.idempotencyKey`: what to look for at the provider. */
  idempotencyKey: string;
  /** The same as `execution.idempotencyUuid`. */
  idempotencyUuid: string;
  /** When the first call with the key in this window took it. */
  claimedAt: Date;
  /** What remains of the lease in milliseconds; 0 unless in progress. */
  leaseInMs: number;
  /** What remains until the key is forgotten, in milliseconds, if nothing more happens to it. */
  expiresInMs: number;
  /** The result, where `state` is `"completed"` and it can be read. */
  value?: unknown;
  /** The error, where `state` is `"completed"` and `onError` chose to store it. */
  error?: StoredError;
}

/** A key of a listing. `inspect`, `resolve`, `reopen` and `forget` take it in place of a key; JSON may come between. */
export interface KeyEntry extends KeyState {
  /** The key's text; undefined where the store has but a digest of it, as of one that is longer than 256 characters. */
  key: string | undefined;
  /** The key as the store has it, with its namespace. */
  storeKey: string;
  /** Names the window: another run has another, and what is done to an entry is done to its own (S11). */
  runId: string;
}

/** Which keys to list. */
export interface ListFilter {
  /**
   * What is known of them.
   * @default "uncertain"
   */
  state?: KeyState["state"] | undefined;
  /**
   * Only keys that have been uncertain for that long, or, with another state, whose window began that long ago; from 0
   * seconds to 24 hours.
   */
  olderThan?: Duration | undefined;
}

/** The wrapper bound to a store, a namespace and defaults. Its functions may be taken apart. */
export interface Idempotency {
  /** As {@link withIdempotency}; options given here override those that it is bound to. */
  withIdempotency<T>(
    key: Key,
    ttl: Duration,
    fn: (execution: Execution) => T | PromiseLike<T>,
    options?: Options<T>,
  ): Promise<T>;
  /** As {@link makeIdempotent}. */
  makeIdempotent<A extends unknown[], R, This = unknown>(
    fn: (this: This, ...args: A) => R,
    config: IdempotentConfig<A, Awaited<R>>,
  ): (this: This, ...args: A) => Promise<Awaited<R>>;
  /**
   * As `withIdempotency`, and also returns how the value came about.
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
   * Does something once for each of many items, by one `fn` for a batch of them: a campaign through a provider's batch
   * call. Each item is as a call of its own: replayed if its key is completed, waited for or rejected if another holds
   * it, and run with up to `batchSize` others otherwise. Its fate depends on no other item's.
   *
   * Await it for all outcomes, in the order of the items, or read it one by one with `for await`, which keeps memory
   * bounded for a stream of any length: at most two batches run at once, and items are pulled as they are needed. The
   * work begins at once. Who leaves the loop ends the pulling, and what runs goes on to its end.
   *
   * Rejects with `INVALID_OPTION`, and what `parseDuration` throws, before anything is claimed. Also, after the items
   * before have ended, with what the iterable throws, and with the signal's reason if an abort cut short an iterable that
   * is no array. All else is the outcome of an item. Unless it is awaited or read, it stops after 10,000 items.
   *
   * @param items an array or any other iterable, async ones included
   * @param fn gets the items that this call is to run, and gives one result for each, in their order: an `Error` in an
   * item's place is its own failure. What it throws is the failure of each item, and so is a wrong number of results,
   * which leaves their keys uncertain.
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
    config: ManyConfig<I, T>,
    fn: BatchFn<I, T>,
  ): ManyOutcomes<T>;
  /**
   * What is known of a key, or undefined. Throws `INVALID_KEY`, `STORE_ERROR`, and `RESULT_UNAVAILABLE` where the
   * store has a record that it cannot read.
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
   * Removes a key, whatever its state: the next call runs. A run that is going on is not stopped, and its result is
   * not kept. False where there was nothing, or where a later run stands in an entry's place. Throws `INVALID_KEY`,
   * `INVALID_OPTION` for an entry of another namespace, `STORE_ERROR`.
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
   * Settles a key whose outcome is unknown with the value that reconciliation found, for `ttl` from now: calls get it
   * as the result. False where the key is not uncertain, or no longer as an entry shows it. Throws `INVALID_KEY`,
   * `INVALID_OPTION` where the value cannot be stored or an entry is of another namespace, `STORE_ERROR`, and what
   * `parseDuration` throws.
   *
   * @example
   * ```ts
   * import { createIdempotency } from "with-idempotency";
   *
   * const receipts = createIdempotency({ namespace: "receipts" });
   * const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
   * await receipts.withIdempotency(["order", 45], "1h", cut).catch(() => {});
   * // The provider says that the email was sent: later calls get this result.
   * console.log(await receipts.resolve(["order", 45], "24h", { id: "email-1" })); // → true
   * ```
   */
  resolve(key: Key | KeyEntry, ttl: Duration, value: unknown): Promise<boolean>;
  /**
   * Says of a key whose outcome is unknown that it did not happen: the next call runs, with the next `attempt` and the
   * same `idempotencyKey`. False where the key is not uncertain, or where a later run stands in an entry's place. Throws
   * `INVALID_KEY`, `INVALID_OPTION` for an entry of another namespace, `STORE_ERROR`.
   *
   * @example
   * ```ts
   * import { createIdempotency } from "with-idempotency";
   *
   * const receipts = createIdempotency({ namespace: "receipts" });
   * const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
   * await receipts.withIdempotency(["order", 46], "1h", cut).catch(() => {});
   * // The provider says that no email was sent: the next call sends.
   * console.log(await receipts.reopen(["order", 46])); // → true
   * console.log(await receipts.withIdempotency(["order", 46], "1h", () => "sent")); // → sent
   * ```
   */
  reopen(key: Key | KeyEntry): Promise<boolean>;
  /**
   * The keys of this namespace, one by one and in no order: those whose outcome is unknown, unless the filter says
   * otherwise. No snapshot: a key may come twice, and one that changes meanwhile may be there or not. Takes memory for a
   * page of keys only, and holds up no call. Throws `INVALID_OPTION` at once, also where the store cannot list; while it
   * goes on, `STORE_ERROR`.
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
