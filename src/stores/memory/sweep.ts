import type { LRUCache } from "lru-cache";
import { realTimer, weakly } from "../../util/timers.ts";
import type { Claim, Settled } from "./records.ts";

export const NEVER = 1 / 0;

const SHORTEST_MS = 1_000;
// A machine may sleep meanwhile, and a clock be set: what is due is looked at again and again.
const LONGEST_MS = 10_000;
// Each sweep looks at every key, so the more there are the longer the next one can wait. At that pace it takes about a
// hundredth of the time until then.
const KEYS_PER_MS = 100;

/** S10: removes what is past its time, and answers when the first of the rest will be. */
export function removeEnded(
  claims: Map<string, Claim>,
  settled: LRUCache<string, Settled>,
  now: number,
): number {
  let next = NEVER;
  for (const [key, { leaseUntil, ttlMs }] of claims) {
    const end = leaseUntil + ttlMs;
    if (end <= now) claims.delete(key);
    else if (end < next) next = end;
  }
  const ended: string[] = [];
  settled.forEach(({ expiresAt }, key) => {
    if (expiresAt <= now) ended.push(key);
    else if (expiresAt < next) next = expiresAt;
  });
  for (const key of ended) settled.delete(key);
  return next;
}

/** How long a sweep of so many keys lets pass before the next. */
export const pauseAfter = (keys: number): number => Math.max(SHORTEST_MS, keys / KEYS_PER_MS);

/** Something that is to be looked at in time. */
interface Sweepable {
  /** Answers in how many milliseconds it wants the next look; undefined where there is nothing left to look at. */
  look(): number | undefined;
}

/**
 * Looks at it in real time, until there is nothing left: one timer for all its keys, which keeps neither the process
 * nor what it is for alive. False where there are no real timers.
 */
export function lookLater(target: Sweepable, inMs: number): boolean {
  const store = weakly(target);
  const ring = () => {
    const found = store.deref();
    const next = found?.look();
    if (found !== undefined && next !== undefined) lookLater(found, next);
  };
  return realTimer(ring, Math.min(Math.max(inMs, SHORTEST_MS), LONGEST_MS));
}
