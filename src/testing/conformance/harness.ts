import type { IdempotencyStore } from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";

/** The subject of a case: a clause of {@link IdempotencyStore} by number, or an operation by name. */
export type Clause =
  | `S${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11}`
  | "B6"
  | "read"
  | "settle"
  | "reopen"
  | "forget"
  | "list"
  | "settled";

/**
 * How the suite creates stores, lets time pass and looks into the storage. Parts that you leave out give no cases.
 */
export interface StoreHarness {
  /** Creates a store, once for each case. All may share one storage, as long as nobody else uses it. */
  create(): Awaitable<IdempotencyStore>;
  /**
   * Lets that many milliseconds pass by the store's clock. It moves a manual clock (and any timers of the store),
   * or sleeps if the clock is a server's. Cases may run concurrently only if it sleeps.
   */
  advance(ms: number): Awaitable<unknown>;
  /** Closes a store that `create`, `second`, `full` or `cleanup` created, when its case is over. */
  close?(store: IdempotencyStore): Awaitable<unknown>;
  /**
   * Creates another client, with its own connection, on the storage of `store`. Leave it out if there can be only
   * one.
   */
  second?(store: IdempotencyStore): Awaitable<IdempotencyStore>;
  /** True if the store has `settled`. */
  hints?: boolean;
  /** True if the store has `list`. */
  lists?: boolean;
  /** True if the store has `claimMany`, `renewMany`, `completeMany` and `releaseMany`. */
  many?: boolean;
  /** A store that can be full. Leave it out if only the machine limits the store. */
  full?: {
    /** What a full store does: refuse claims, or evict records and announce their keys. */
    reaction: "refuses" | "evicts";
    /**
     * Creates an empty store with room for that many records. It calls `announce` with each key that it evicts.
     */
    create(room: number, announce: (key: string) => void): Awaitable<IdempotencyStore>;
  };
  /** How the storage removes expired records. */
  cleanup?: {
    /** Creates a store on its own empty storage. */
    create(): Awaitable<IdempotencyStore>;
    /** Counts the records that are physically there, expired or not. */
    count(store: IdempotencyStore): Awaitable<number>;
    /** How soon an expired record is removed without any call, in milliseconds. */
    withinMs?: number;
    /** Calls the store's own `purge()`. */
    purge?(store: IdempotencyStore): Awaitable<unknown>;
  };
  /**
   * Stretches the suite's times; 1 by default. At 1, leases lapse after 400 ms, records expire after 800 ms, and
   * the calls of a case may take 100 ms. Raise it for a slow server. If a case fails and its calls took longer, it
   * is tried again, at most twice, with its times doubled.
   */
  timeScale?: number;
}
