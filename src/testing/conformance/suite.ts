import type { IdempotencyStore } from "../../contract/store.ts";
import { claimCases } from "./claim.ts";
import { fullCases } from "./full.ts";
import type { Clause, StoreHarness } from "./harness.ts";
import { hintCases } from "./hints.ts";
import { holderCases } from "./holder.ts";
import { harnessItemByItem } from "./item-by-item.ts";
import { listCases } from "./list.ts";
import { manyCases } from "./many.ts";
import { operationCases } from "./operations.ts";
import { raceCases } from "./race.ts";
import { reopenCases } from "./reopen.ts";
import { rerunWithinCases } from "./rerun-within.ts";
import { type CaseSpec, openScene, type Scene } from "./scene.ts";
import { seenCases } from "./seen.ts";
import { digestCase, storageCases } from "./storage.ts";
import { takeoverCases } from "./takeover.ts";
import { windowCases } from "./window.ts";

/** One test of a store, for any test runner. */
export interface ConformanceCase {
  /** The clause or operation that it tests. */
  clause: Clause;
  /** The clause and what it says, such as `"S4: a lapsed lease reads as uncertain"`; unique within the suite. */
  name: string;
  /** Rejects with an error whose message begins with the name, and says what was expected and what came. */
  run(): Promise<void>;
}

/** The cases for a harness, as {@link storeConformance} returns them. */
export interface StoreConformance {
  /** The cases to run, each once. */
  cases: ConformanceCase[];
  /** The names of the cases that this harness cannot run. Assert that the list is what you expect. */
  uncovered: string[];
}

/**
 * Returns the tests that every {@link IdempotencyStore} must pass, clause by clause, for any test runner.
 *
 * @example
 * ```ts
 * import { memoryStore } from "with-idempotency";
 * import { manualClock, storeConformance } from "with-idempotency/testing";
 *
 * const clock = manualClock();
 * const { cases, uncovered } = storeConformance({
 *   create: () => memoryStore({ clock: clock.now }),
 *   advance: clock.advance,
 *   hints: true,
 *   lists: true,
 *   many: true,
 * });
 * for (const { run } of cases) await run(); // or, for a test runner: test(name, run)
 * // Without a second client, races between two are left untested.
 * console.log(uncovered.some(name => name.includes("two clients"))); // → true
 * ```
 */
export function storeConformance(harness: StoreHarness): StoreConformance {
  const conformance: StoreConformance = { cases: [], uncovered: [] };
  const add = (specs: readonly CaseSpec[], on: StoreHarness) => {
    for (const { clause, says, test } of specs) {
      const name = `${clause}: ${says}`;
      if (test) conformance.cases.push({ clause, name, run: () => perform(on, name, test) });
      else conformance.uncovered.push(name);
    }
  };
  add(
    [
      ...casesOfOneKey(harness),
      ...fullCases(harness),
      ...storageCases(harness),
      ...operationCases,
      ...seenCases(harness),
      ...reopenCases(harness),
      ...listCases(harness),
      ...hintCases(harness),
    ],
    harness,
  );
  const onlyIfMany = (spec: CaseSpec) => (harness.many ? spec : { ...spec, test: undefined });
  add(manyCases(harness).map(onlyIfMany), harness);
  const byItem = harnessItemByItem(harness);
  add(casesOfOneKey(byItem).map(asItem).map(onlyIfMany), byItem);
  return conformance;
}

/** S1–S7, and of S9 what is compared: what becomes of a key by claims and their ends. */
function casesOfOneKey(harness: StoreHarness): CaseSpec[] {
  return [
    ...raceCases(harness),
    ...claimCases,
    ...takeoverCases(harness),
    ...rerunWithinCases,
    ...holderCases(harness),
    ...windowCases,
    digestCase,
  ];
}

/** B6: the same of a key that is an item of an operation on many. */
const asItem = ({ clause, says, test }: CaseSpec): CaseSpec => ({
  clause: "B6",
  says: `${clause} by item: ${says}`,
  test,
});

const TRIES = 3;

async function perform(harness: StoreHarness, name: string, test: (scene: Scene) => Promise<void>) {
  for (let tries = 1; ; tries++) {
    const { timeScale = 1 } = harness;
    try {
      const scene = await openScene({ ...harness, timeScale: timeScale * 2 ** (tries - 1) });
      try {
        return await test(scene);
      } catch (error) {
        if (scene.isLate() && tries < TRIES) continue;
        throw error;
      } finally {
        await scene.close();
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`${name}: ${why}`, { cause: error });
    }
  }
}
