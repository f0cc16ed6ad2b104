import { type Random, random } from "./random.ts";

/** What `fn` does in one call. */
export interface Work {
  /** Ends within the call itself, without a promise. */
  isSync: boolean;
  beforeEffectMs: number;
  afterEffectMs: number;
  ends: "value" | "rich" | "unstorable" | "error" | "cut";
  /** Listens to its signal, and stops with the signal's reason where it heeds it. */
  watches: boolean;
  heeds: boolean;
}

/** One call to make. */
export interface CallPlan {
  name: string;
  at: number;
  process: number;
  key: string;
  work: Work;
  onUncertain: "reject" | "rerun";
  onConflict: "wait" | "reject";
  onStoreError: "throw" | "run";
  onError?: "store" | "hold" | undefined;
  fingerprint?: string | undefined;
  abortAfterMs?: number | undefined;
}

/** An item of a batch: a call that is made together with others. */
export type ItemPlan = Pick<CallPlan, "name" | "key" | "fingerprint"> & { ends: Work["ends"] };

/** What `fn` does in a batch: the side effect of one item after the other, and its end. */
interface BatchWork extends Pick<Work, "isSync" | "beforeEffectMs" | "afterEffectMs" | "watches" | "heeds"> {
  /** Between the side effects of two items. */
  spreadMs: number;
  /** What it gives: each item's own, too few results, or nothing, for it throws or is cut after so many side effects. */
  ends: "each" | "too few" | "error" | "cut";
  afterEffects: number;
}

/** Calls that one `executeMany` makes together. */
export interface BatchPlan extends Omit<CallPlan, "key" | "fingerprint" | "work"> {
  items: ItemPlan[];
  batchSize: number;
  work: BatchWork;
  /** Whether its caller awaits all outcomes, reads each, or leaves after the first. */
  reads: "all" | "each" | "first";
}

/** What goes wrong with the message to the store that is the `nth` of the run. */
const MESSAGE_FAULTS = [
  "refused",
  "request lost",
  "reply lost",
  "reset after the request",
  "slow request",
  "slow reply",
  "lands late",
  "resent",
] as const;
/** A message of many operations may fail in part, too: some are done and some are not, and what is done is not always told. */
type MessageFault = (typeof MESSAGE_FAULTS)[number] | "in part";

/** When something befalls a process: at a time, or after so many of its steps. */
type Moment = { at: number; step?: undefined } | { at?: undefined; step: number };

/** Something that goes wrong, or that an operator does. */
export type Fault =
  | { kind: "crash"; process: number; when: Moment; forMs: number }
  | { kind: "pause" | "suspension" | "partition"; process: number; when: Moment; forMs: number }
  | { kind: "clock"; process: number; when: Moment; byMs: number }
  | { kind: "outage"; at: number; forMs: number }
  | {
      kind: "message";
      what: MessageFault;
      nth: number;
      byMs: number;
      /** Counts those of many operations only. */
      ofMany?: true;
    }
  | { kind: "forget" | "resolve" | "inspect" | "reconcile"; process: number; at: number; key: string };

/** All that is needed to have a run again, to the letter. */
export interface Plan {
  seed: number;
  processes: number;
  /** The store stands in the process itself, and answers at once. */
  isLocal: boolean;
  hints: boolean;
  /** All processes were started from one snapshot. */
  clones: boolean;
  /** The longest way of a message, when nothing is wrong with it. */
  latencyMs: number;
  ttlMs: number;
  leaseMs: number;
  storeTimeoutMs: number;
  waitMs: number;
  calls: CallPlan[];
  batches: BatchPlan[];
  /** Whether the store can do an operation on many keys at once. */
  hasMany: boolean;
  faults: Fault[];
}

/** What the calls of a plan choose. */
export type Policy = "reject" | "rerun" | "mixed";

/** The plan that a seed stands for: every third one has batches. */
export function planOf(seed: number, policy: Policy): Plan {
  const plan = planOfCalls(seed, policy);
  const dice = random(seed, 8);
  return dice.chance(1 / 3) ? withBatches(plan, policy, dice) : plan;
}

const KEYS = [
  ["k", "other"],
  ["k", "other", "third"],
  ["k", "k", "k", "other", "third", "fourth"],
];

function withBatches(plan: Plan, policy: Policy, dice: Random): Plan {
  const keys = dice.pick(KEYS);
  const first = batchOf(dice, plan, policy, "b1", keys);
  const batches = [first];
  if (dice.chance(0.6)) {
    const other = batchOf(dice, plan, policy, "b2", keys);
    batches.push(dice.chance(0.6) ? repeated(dice, other, first, plan) : other);
  }
  const faults = Array.from({ length: dice.pick([0, 0, 1, 1, 2]) }, () => faultOfMany(dice, plan));
  if (dice.chance(0.3)) faults.push(stop(dice, plan, first));
  return {
    ...plan,
    hasMany: dice.chance(0.7),
    calls: plan.calls.slice(0, dice.below(4)).map(call => ({ ...call, key: dice.pick(keys) })),
    batches,
    faults: possible([...plan.faults, ...faults]),
  };
}

/** The same items once more, as of a campaign that is begun again, often when leases are over. */
function repeated(dice: Random, batch: BatchPlan, first: BatchPlan, { leaseMs }: Shape): BatchPlan {
  const at = first.at + leaseMs + dice.below(dice.pick([20, 400, 1_500]));
  return {
    ...batch,
    at: dice.chance(0.5) ? at : batch.at,
    batchSize: first.batchSize,
    items: first.items.map((item, index) => ({ ...item, name: `${batch.name}.${index + 1}` })),
  };
}

/** Its process stops, or is cut off, while a batch is claimed or runs. */
const stop = (dice: Random, shape: Shape, { at, process }: BatchPlan): Fault => ({
  kind: dice.pick(["pause", "suspension", "partition", "partition"]),
  process,
  when: dice.chance(0.5)
    ? { step: 1 + dice.below(12) }
    : { at: at + dice.below(dice.pick([20, 150, 1_500])) },
  forMs: lengthOf(dice, shape),
});

const faultOfMany = (dice: Random, plan: Plan): Fault => ({
  kind: "message",
  what: dice.pick([...MESSAGE_FAULTS, "in part", "in part"]),
  nth: dice.below(dice.pick([2, 8])),
  byMs: lengthOf(dice, plan),
  ofMany: true,
});

function batchOf(
  dice: Random,
  shape: Shape,
  policy: Policy,
  name: string,
  keys: readonly string[],
): BatchPlan {
  const { key: _key, fingerprint: _fingerprint, work, ...call } = callOf(dice, shape, policy, 0);
  const items = Array.from(
    { length: 2 + dice.below(5) },
    (_, index): ItemPlan => ({
      name: `${name}.${index + 1}`,
      key: dice.pick(keys),
      fingerprint: dice.chance(0.2) ? dice.pick(["x", "x", "y"]) : undefined,
      ends: dice.chance(0.6) ? "value" : workOf(dice, shape).ends,
    }),
  );
  return {
    ...call,
    name,
    items,
    batchSize: 1 + dice.below(4),
    reads: dice.pick(["all", "all", "each", "first"]),
    work: {
      isSync: work.isSync,
      beforeEffectMs: work.beforeEffectMs,
      spreadMs: dice.pick([0, 0, 1, 300, shape.leaseMs]),
      afterEffectMs: work.afterEffectMs,
      ends: dice.pick(["each", "each", "each", "each", "each", "too few", "error", "cut"]),
      afterEffects: dice.below(3),
      watches: work.watches,
      heeds: work.heeds,
    },
  };
}

function planOfCalls(seed: number, policy: Policy): Plan {
  const dice = random(seed, 1);
  const isLocal = dice.chance(0.15);
  const leaseMs = dice.pick([1_000, 1_000, 2_000, 5_000]);
  const times = {
    leaseMs,
    ttlMs: dice.pick([1_000, 2_000, 10_000, 60_000]),
    storeTimeoutMs: dice.pick([0, 300, 1_000, 1_000, 5_000]) || 300,
    waitMs: dice.pick([0, 1_000, 5_000, 35_000]),
  };
  const processes = isLocal ? 1 : 1 + dice.below(3);
  const latencyMs = dice.pick([0, 2, 20, 100, Math.round(leaseMs * 0.3), Math.round(leaseMs * 1.1)]);
  const shape = { ...times, processes, isLocal };
  return {
    seed,
    hints: dice.chance(0.5),
    clones: random(seed, 5).chance(0.2),
    latencyMs,
    ...shape,
    batches: [],
    hasMany: true,
    calls: Array.from({ length: 2 + dice.below(6) }, (_, index) => callOf(dice, shape, policy, index)),
    faults: possible(Array.from({ length: dice.pick([0, 1, 1, 2, 2, 3, 4]) }, () => faultOf(dice, shape))),
  };
}

/**
 * Leaves out what nobody can notice: a copy of a claim that comes when somebody has forgotten the key, which begins a
 * window anew, and a wall clock that is set beside a monotonic one that stands still.
 */
function possible(faults: Fault[]): Fault[] {
  const isCopy = (fault: Fault) =>
    fault.kind === "message" && (fault.what === "lands late" || fault.what === "resent");
  const has = (kind: Fault["kind"]) => faults.some(fault => fault.kind === kind);
  return faults
    .filter(fault => !has("forget") || !isCopy(fault))
    .filter(({ kind }) => !has("suspension") || kind !== "clock");
}

type Shape = Pick<Plan, "leaseMs" | "ttlMs" | "storeTimeoutMs" | "waitMs" | "processes" | "isLocal">;

/** Times at which something is likely to go wrong: near the ends of leases and windows. */
function momentOf(dice: Random, { leaseMs, ttlMs, storeTimeoutMs }: Shape): number {
  const edge = dice.pick([0, 0, 0, leaseMs, leaseMs, ttlMs, leaseMs + ttlMs, storeTimeoutMs, 2 * leaseMs]);
  return Math.max(0, edge + dice.below(dice.pick([2, 20, 400, 1_500])) - dice.pick([0, 1, 100]));
}

const lengthOf = (dice: Random, { leaseMs, ttlMs }: Shape) =>
  dice.pick([0, 1, 5, 50, 300, leaseMs - 1, leaseMs + 1, leaseMs * 2, leaseMs + ttlMs + 100]);

function callOf(dice: Random, shape: Shape, policy: Policy, index: number): CallPlan {
  const onUncertain = policy === "mixed" ? dice.pick(["reject", "rerun"] as const) : policy;
  return {
    name: `c${index + 1}`,
    at: momentOf(dice, shape),
    process: dice.below(shape.processes),
    key: dice.chance(0.9) ? "k" : "other",
    work: workOf(dice, shape),
    onUncertain,
    onConflict: dice.chance(0.8) ? "wait" : "reject",
    onStoreError: dice.chance(0.03) ? "run" : "throw",
    onError: dice.chance(0.06) ? dice.pick(["store", "hold"] as const) : undefined,
    fingerprint: dice.chance(0.3) ? dice.pick(["x", "x", "y"]) : undefined,
    abortAfterMs: dice.chance(0.08) ? momentOf(dice, shape) : undefined,
  };
}

function workOf(dice: Random, shape: Shape): Work {
  const ends = dice.pick([
    "value",
    "value",
    "value",
    "rich",
    "rich",
    "unstorable",
    "error",
    "error",
    "cut",
  ] as const);
  return {
    isSync: dice.chance(0.1),
    beforeEffectMs: lengthOf(dice, shape),
    afterEffectMs: dice.chance(0.5) ? 0 : lengthOf(dice, shape),
    ends,
    watches: dice.chance(0.85),
    heeds: dice.chance(0.2),
  };
}

function faultOf(dice: Random, shape: Shape): Fault {
  const process = dice.below(shape.processes);
  const when = (): Moment =>
    dice.chance(0.5) ? { step: 1 + dice.below(25) } : { at: momentOf(dice, shape) };
  const kind = dice.pick([
    "crash",
    "pause",
    "suspension",
    "partition",
    "partition",
    "clock",
    "outage",
    "operator",
    ...messages,
  ] as const);
  const byMs = lengthOf(dice, shape);
  switch (kind) {
    case "crash":
      return { kind, process, when: when(), forMs: dice.pick([0, 10, 1_000]) };
    case "pause":
    case "suspension":
    case "partition":
      return { kind, process, when: when(), forMs: lengthOf(dice, shape) };
    case "clock":
      return { kind, process, when: when(), byMs: dice.pick([-1, 1]) * dice.pick([1_000, 86_400_000]) };
    case "outage":
      return { kind, at: momentOf(dice, shape), forMs: byMs };
    case "operator":
      return {
        kind: dice.pick(["forget", "resolve", "inspect", "reconcile", "reconcile"] as const),
        process,
        at: momentOf(dice, shape),
        key: "k",
      };
    default:
      return {
        kind: "message",
        what: dice.pick(MESSAGE_FAULTS),
        nth: dice.below(dice.pick([3, 10, 40])),
        byMs,
      };
  }
}

const messages = Array.from({ length: 8 }, () => "message" as const);
