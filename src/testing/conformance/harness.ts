import type { IdempotencyStore } from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";

/** What a case is about: a clause of {@link IdempotencyStore} by number, or an operation of it by name. */
export type Clause =
  | `S${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11}`
  | "B6"
  | "read"
  | "settle"
  | "reopen"
  | "forget"
  | "list"
  | "settled";

/** How the suite makes stores, lets time pass and looks into the storage. What is left out yields no cases. */
export interface StoreHarness {
  /** Makes a store, for each case anew. All may share one storage, which nobody else uses meanwhile. */
  create(): Awaitable<IdempotencyStore>;
  /**
   * Lets that many milliseconds pass by the store's clock: moves a manual clock (and what timers the store has), or
   * sleeps where the clock is a server's. Cases may run at the same time only where this sleeps.
   */
  advance(ms: number): Awaitable<unknown>;
  /** Ends a store that `create`, `second`, `full` or `cleanup` made, when its case is over. */
  close?(store: IdempotencyStore): Awaitable<unknown>;
  /** Another client, by a connection of its own, on the storage of `store`. Left out where there can be but one. */
  second?(store: IdempotencyStore): Awaitable<IdempotencyStore>;
  /** Whether the store has `settled`. */
  hints?: boolean;
  /** Whether the store has `list`. */
  lists?: boolean;
  /** Whether the store has `claimMany`, `renewMany`, `completeMany` and `releaseMany`. */
  many?: boolean;
  /** A store that fills up. Left out where nothing bounds it but the machine. */
  full?: {
    /** What it does when it is full: refuses claims, or evicts records and announces their keys. */
    reaction: "refuses" | "evicts";
    /** Makes an empty store with room for that many records, which calls `announce` with each key that it evicts. */
    create(room: number, announce: (key: string) => void): Awaitable<IdempotencyStore>;
  };
  /** How the storage gets rid of records past their time. */
  cleanup?: {
    /** Makes a store on an empty storage of its own. */
    create(): Awaitable<IdempotencyStore>;
    /** Counts the records that are physically there, past their time or not. */
    count(store: IdempotencyStore): Awaitable<number>;
    /** How long after a record's time it is removed without any call, in milliseconds. */
    withinMs?: number;
    /** Calls the store's own `purge()`. */
    purge?(store: IdempotencyStore): Awaitable<unknown>;
  };
  /**
   * Stretches the suite's times: at 1, which is the default, leases that lapse do so after 400 ms and records that
   * expire do so after 800 ms, and the calls of a case may take 100 ms. Raise it for a slow server. If a case
   * fails and its calls took longer, it is tried again, at most twice, with its times doubled.
   */
  timeScale?: number;
}
