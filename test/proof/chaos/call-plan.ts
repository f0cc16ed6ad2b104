import type { Random } from "../simulation/random.ts";
import type { Settings } from "./settings.ts";

const KEYS = 12;
// Keys are used for a while and then others, so that the history of each stays readable.
const AGE_MS = 20_000;
const TTLS_MS = [2_000, 3_000, 6_000];

/** What fn does, chosen before it runs. */
interface Work {
  beforeMs: number;
  afterMs: number;
  effect: "ok" | "cut after" | "cut before" | "refused";
  ends: "value" | "unstorable" | "error before" | "error after";
  blocks: "before" | "after" | undefined;
  heeds: boolean;
}

/** A call, as it is made. */
export interface Plan {
  key: string;
  ttlMs: number;
  leaseMs: number;
  waitMs: number;
  storeTimeoutMs: number;
  onUncertain: "reject" | "rerun";
  onConflict: "wait" | "reject";
  fingerprint: string | undefined;
  onError: "release" | "hold" | "store" | undefined;
  abortAfterMs: number | undefined;
  work: Work;
}

/** Draws a call. */
export function planCall(dice: Random, settings: Settings, now: number): Plan {
  const plan = planAny(dice, settings, now);
  // What only this package has.
  return settings.peer !== undefined
    ? { ...plan, onError: undefined, abortAfterMs: undefined, fingerprint: undefined }
    : plan;
}

/** What fn makes of a batch: what becomes of each item, too few results, or a failure of all where one fails. */
export type BatchEnd = "each" | "too few" | "throws";

/** Calls that are made together: what they do is each one's own, and what they choose is that of the first. */
export interface ManyPlan {
  items: Plan[];
  batchSize: number;
  ends: BatchEnd;
}

const TOGETHER = 0.12;

/** Draws calls that are made together; undefined where the next call is made alone. */
export function planMany(dice: Random, settings: Settings, now: number): ManyPlan | undefined {
  if (settings.peer !== undefined || !dice.chance(TOGETHER)) return undefined;
  const first = planCall(dice, settings, now);
  const items = [first];
  for (let more = 1 + dice.below(5); more > 0; more--) {
    const { key, work, fingerprint } = planCall(dice, settings, now);
    items.push({ ...first, key: dice.chance(0.2) ? dice.pick(items).key : key, work, fingerprint });
  }
  return {
    items,
    batchSize: 1 + dice.below(4),
    ends: dice.pick(["each", "each", "each", "each", "too few", "throws"]),
  };
}

function planAny(dice: Random, { policy, peer }: Settings, now: number): Plan {
  const number = Math.floor(KEYS * dice.next() ** 3);
  return {
    key: `k${number}-${Math.floor(now / AGE_MS)}`,
    // Of a peer's calls effects are all that is seen: theirs have one for each key.
    ttlMs: peer === undefined ? dice.pick(TTLS_MS) : TTLS_MS[number % TTLS_MS.length]!,
    leaseMs: dice.pick([1_000, 1_500, 2_000]),
    waitMs: dice.pick([1_000, 4_000]),
    storeTimeoutMs: dice.pick([500, 1_000]),
    onUncertain: policy === "mixed" ? dice.pick(["reject", "rerun"]) : policy,
    onConflict: dice.chance(0.2) ? "reject" : "wait",
    fingerprint: dice.pick([undefined, "a", "a", "a", "a", "a", "a", dice.chance(0.2) ? "b" : "a"]),
    onError: dice.chance(0.15) ? dice.pick(["release", "hold", "store"]) : undefined,
    abortAfterMs: dice.chance(0.03) ? dice.below(1_000) : undefined,
    work: planWork(dice),
  };
}

function planWork(dice: Random): Work {
  const some = () => dice.pick([dice.below(20), dice.below(100), dice.below(500)]);
  const work: Work = {
    beforeMs: some(),
    afterMs: some(),
    effect: "ok",
    ends: "value",
    blocks: undefined,
    heeds: dice.chance(0.5),
  };
  const lot = dice.below(100);
  // Long enough to lose a lease in, and for others to come meanwhile.
  if (lot < 10) return { ...work, afterMs: 500 + dice.below(5_500) };
  if (lot < 16) return { ...work, beforeMs: 500 + dice.below(5_500) };
  if (lot < 18) return { ...work, blocks: dice.pick(["before", "after"]) };
  if (lot < 22) return { ...work, effect: "cut after" };
  if (lot < 24) return { ...work, effect: "cut before" };
  if (lot < 28) return { ...work, effect: "refused" };
  if (lot < 32) return { ...work, ends: "error before" };
  if (lot < 35) return { ...work, ends: "error after" };
  if (lot < 36) return { ...work, ends: "unstorable" };
  // They fail when another may have taken over.
  if (lot < 38) return { ...work, blocks: "before", ends: "error before" };
  if (lot < 40) return { ...work, blocks: "after", ends: "error after" };
  return work;
}
