import { BATCHES } from "./batches.ts";
import { ANSWERS, WINDOWS } from "./endings.ts";
import type { History, Violation } from "./events.ts";
import { checkHolders } from "./holders.ts";
import { ONCE } from "./once.ts";
import { ERRORS, SUCCESSES } from "./results.ts";
import type { Rule } from "./rule.ts";
import { checkClauses } from "./store-clauses.ts";
import { type Story, tell } from "./story.ts";
import { UNKNOWN } from "./unknown.ts";

const PROMISES: readonly (readonly [string, readonly Rule[]])[] = [
  ["P1", ONCE],
  ["P2", UNKNOWN],
  ["P3", SUCCESSES],
  ["P4", ERRORS],
  ["P5", WINDOWS],
  ["answers", ANSWERS],
];

/** What a history's world was like. */
export interface World {
  /** How late a timer may ring: who hears within that time that its lease is lost is told in time. */
  lateMs?: number;
}

/** Holds a history against the promises P1–P5, the rules for holders and for batches (B1–B7), and the clauses S1–S11 of the stores. */
export function check(history: History, { lateMs = 0 }: World = {}): Violation[] {
  const story = tell(history);
  const found = hold(story, [...PROMISES, ...BATCHES(lateMs)]);
  return [...found, ...checkHolders(story, lateMs), ...checkClauses(history)];
}

/** Holds a history of many keys against what only batches promise, where each key has been held against the rest. */
export const checkBatches = (history: History, { lateMs = 0 }: World = {}): Violation[] =>
  hold(tell(history), BATCHES(lateMs));

const hold = (story: Story, promises: typeof PROMISES): Violation[] =>
  promises.flatMap(([promise, rules]) =>
    rules.flatMap(rule => rule(story).map(violation => ({ promise, ...violation }))),
  );
