import type { Duration } from "./duration.ts";
import type { BatchExecution } from "./execution.ts";
import type { Key } from "./key.ts";
import type { Options } from "./options.ts";

/** The configuration of `executeMany`: the key and `ttl` of each item, and the options of the wrapper. */
// biome-ignore lint/suspicious/noExplicitAny: as for Options.
export type ManyConfig<I, T = any> = Omit<Options<T>, "fingerprint"> & {
  /** Returns an item's key. `index` counts from 0. If it throws, that item is rejected with the error. */
  key: (item: I, index: number) => Key;
  /** How long each result is kept, from 1 second to 24 hours. */
  ttl: Duration;
  /**
   * Returns the payload that must match when an item's key is used again. If it throws, that item is rejected with
   * the error.
   */
  fingerprint?: ((item: I) => unknown) | undefined;
  /**
   * The largest batch that `fn` gets, from 1 to 1,000 items. Set it to what the provider's batch call accepts.
   * @default 500
   */
  batchSize?: number | undefined;
};

/**
 * Runs one batch. It returns one result for each item, in their order. An `Error` in an item's place is that
 * item's failure.
 */
export type BatchFn<I, T> = (
  items: readonly I[],
  execution: BatchExecution,
) => PromiseLike<readonly (T | Error)[]> | readonly (T | Error)[];

/** The outcome of one item. */
export type ItemOutcome<T> = (
  | {
      /** The item has a result. */
      status: "fulfilled";
      /** What `fn` returned for the item, or a value deep-equal to it. */
      value: T;
      /** True if this call did not run this item itself. */
      replayed: boolean;
      /** False if the item succeeded but its result was not stored. */
      persisted: boolean;
    }
  | {
      /** The item has no result. `reason` says whether it may have been done. */
      status: "rejected";
      /** The error that a single call would have rejected with. */
      reason: unknown;
      /** True if the failure comes from a run that this call did not make for this item. */
      replayed: boolean;
    }
) & {
  /** The key's text; undefined if the item's key or fingerprint was invalid. */
  key: string | undefined;
  /** The number of the run that the outcome comes from, counted from 1; 0 if the call knows of no run. */
  attempt: number;
};

/**
 * All outcomes in the order of the items: as a promise, or one by one with `for await`. Once you read them one by
 * one, they are not kept, and awaiting the promise rejects with `INVALID_OPTION`.
 */
export type ManyOutcomes<T> = Promise<ItemOutcome<T>[]> & AsyncIterable<ItemOutcome<T>>;
