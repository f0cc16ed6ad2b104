import type { IdempotencyStore } from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { claimCases } from "./claim.ts";
import { fullCases } from "./full.ts";
import { hintCases } from "./hints.ts";
import { holderCases } from "./holder.ts";
import { operationCases } from "./operations.ts";
import { raceCases } from "./race.ts";
import { openScene, type Scene } from "./scene.ts";
import { seenCases } from "./seen.ts";
import { storageCases } from "./storage.ts";
import { takeoverCases } from "./takeover.ts";
import { windowCases } from "./window.ts";

/** What a case is about: a clause of {@link IdempotencyStore} by number, or an operation of it by name. */
export type Clause =
  | `S${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11}`
  | "read"
  | "settle"
  | "forget"
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
  /** A store that fills up. Left out where nothing bounds it but the machine. */
  full?: {
    /** What it does when it is full: refuses claims, or evicts records and announces their keys. */
    reaction: "refuses" | "evicts";
    /** Makes an empty store with room for that many records, which tells `announce` the keys that it evicts. */
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
   * expire do so after 800 ms, and the calls of a case may take 100 ms. Raise it for a slow server. A case that fails
   * where they took longer is tried again, twice at the most, with its times doubled.
   */
  timeScale?: number;
}

/** One test of a store, for any test runner. */
export interface ConformanceCase {
  /** What it is about. */
  clause: Clause;
  /** The clause and what it says, such as `"S4: a lapsed lease reads as uncertain"`; unique within the suite. */
  name: string;
  /** Rejects with an error whose message begins with the name, and says what was expected and what came. */
  run(): Promise<void>;
}

/** What {@link storeConformance} makes of a harness. */
export interface StoreConformance {
  /** What to run, each case once. */
  cases: ConformanceCase[];
  /** The names of the cases that this harness has not the means for. Assert that it is what you expect. */
  uncovered: string[];
}

/**
 * The tests that every {@link IdempotencyStore} must pass, clause by clause, for any test runner.
 *
 * ```ts
 * const clock = manualClock();
 * const { cases, uncovered } = storeConformance({
 *   create: () => memoryStore({ clock: clock.now }),
 *   advance: clock.advance,
 *   hints: true,
 * });
 * for (const { name, run } of cases) test(name, run);
 * console.log(uncovered); // what this harness leaves untested
 * ```
 */
export function storeConformance(harness: StoreHarness): StoreConformance {
  const conformance: StoreConformance = { cases: [], uncovered: [] };
  const specs = [
    ...raceCases(harness),
    ...claimCases,
    ...takeoverCases(harness),
    ...holderCases(harness),
    ...windowCases,
    ...fullCases(harness),
    ...storageCases(harness),
    ...operationCases,
    ...seenCases(harness),
    ...hintCases(harness),
  ];
  for (const { clause, says, test } of specs) {
    const name = `${clause}: ${says}`;
    if (test) conformance.cases.push({ clause, name, run: () => perform(harness, name, test) });
    else conformance.uncovered.push(name);
  }
  return conformance;
}

const TRIES = 3;

async function perform(harness: StoreHarness, name: string, test: (scene: Scene) => Promise<void>) {
  for (let tries = 1; ; tries++) {
    const { timeScale = 1 } = harness;
    const scene = await openScene({ ...harness, timeScale: timeScale * 2 ** (tries - 1) });
    try {
      return await test(scene);
    } catch (error) {
      if (scene.isLate() && tries < TRIES) continue;
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`${name}: ${why}`, { cause: error });
    } finally {
      await scene.close();
    }
  }
}
