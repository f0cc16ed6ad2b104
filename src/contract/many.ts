import type { Duration } from "./duration.ts";
import type { BatchExecution } from "./execution.ts";
import type { Key } from "./key.ts";
import type { Options } from "./options.ts";

/** How `executeMany` goes about its items: the key and the window of each, and the options of the wrapper. */
// biome-ignore lint/suspicious/noExplicitAny: as for Options.
export type ManyConfig<I, T = any> = Omit<Options<T>, "fingerprint"> & {
  /** The key of an item, given its place from 0. What it throws is that item's outcome. */
  key: (item: I, index: number) => Key;
  /** How long each result is kept. */
  ttl: Duration;
  /** The payload of an item that must match on reuse of its key. What it throws is that item's outcome. */
  fingerprint?: ((item: I) => unknown) | undefined;
  /**
   * The most items that `fn` gets at once, from 1 to 1,000: what the provider's batch call takes.
   * @default 500
   */
  batchSize?: number | undefined;
};

/** What a batch does: one result for each item, in their order; an `Error` in an item's place is its own failure. */
export type BatchFn<I, T> = (
  items: readonly I[],
  execution: BatchExecution,
) => PromiseLike<readonly (T | Error)[]> | readonly (T | Error)[];

/** What came of one item. */
export type ItemOutcome<T> = (
  | {
      /** It has a result. */
      status: "fulfilled";
      /** What `fn` gave for the item, or a value deep-equal to it. */
      value: T;
      /** Whether the value is that of a run which this call did not make for this item. */
      replayed: boolean;
      /** False where the item succeeded but its result could not be stored. */
      persisted: boolean;
    }
  | {
      /** It has none: whether it was done, its `reason` says. */
      status: "rejected";
      /** What a single call would have been rejected with. */
      reason: unknown;
      /** Whether the failure is that of a run which this call did not make for this item. */
      replayed: boolean;
    }
) & {
  /** The key's text; undefined where the item's key or fingerprint was bad. */
  key: string | undefined;
  /** The run that the outcome is of, from 1; 0 where the call learned of none. */
  attempt: number;
};

/**
 * A promise of all outcomes, in the order of the items; or, read one by one, each outcome in that order. Whoever reads
 * them one by one keeps none of them, and awaiting it then rejects with `INVALID_OPTION`.
 */
export type ManyOutcomes<T> = Promise<ItemOutcome<T>[]> & AsyncIterable<ItemOutcome<T>>;
