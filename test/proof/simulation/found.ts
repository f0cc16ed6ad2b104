import type { CallPlan, Plan, Work } from "./plan.ts";

const WORK: Work = {
  isSync: false,
  beforeEffectMs: 0,
  afterEffectMs: 0,
  ends: "value",
  watches: true,
  heeds: false,
};

const call = (name: string, at: number, process: number, work: Partial<Work> = {}): CallPlan => ({
  name,
  at,
  process,
  key: "k",
  work: { ...WORK, ...work },
  onUncertain: "rerun",
  onConflict: "wait",
  onStoreError: "throw",
});

const PLAN: Omit<Plan, "calls" | "faults"> = {
  seed: 1,
  processes: 2,
  isLocal: false,
  hints: false,
  clones: false,
  latencyMs: 0,
  ttlMs: 10_000,
  leaseMs: 1_000,
  storeTimeoutMs: 5_000,
  waitMs: 5_000,
  batches: [],
  hasMany: true,
};

/** What the simulation has found, made as small as can be. */
export interface Finding {
  what: string;
  promise: string;
  plan: Plan;
}

export const FINDINGS: readonly Finding[] = [
  {
    // Found as seed 3409 with "rerun": the answer to the claim takes most of the lease, and the first renewal comes
    // only after it. Another takes over, and this run is not told in time.
    what: "a run whose claim was answered late is not warned before its lease ends",
    promise: "lease",
    plan: {
      ...PLAN,
      calls: [call("c1", 0, 0, { beforeEffectMs: 3_000 }), call("c2", 1_001, 1)],
      faults: [{ kind: "message", what: "slow reply", nth: 0, byMs: 900 }],
    },
  },
  {
    // Found as seed 10630 with "rerun": the answer takes longer than the lease, and another has run and been recorded
    // meanwhile.
    what: "a run begins though its lease is over by its own clock, and another has replaced it",
    promise: "lease",
    plan: {
      ...PLAN,
      calls: [call("c1", 0, 0), call("c2", 1_001, 1)],
      faults: [{ kind: "message", what: "slow reply", nth: 0, byMs: 2_000 }],
    },
  },
  {
    // The same under the defaults: the answer takes longer than lease and ttl together, so that the next window has
    // begun, and its result been given.
    what: "a run begins in the window after its own",
    promise: "P1",
    plan: {
      ...PLAN,
      ttlMs: 1_000,
      calls: [call("c1", 0, 0), call("c2", 2_100, 1)].map(each => ({ ...each, onUncertain: "reject" })),
      faults: [{ kind: "message", what: "slow reply", nth: 0, byMs: 2_500 }],
    },
  },
  {
    // Found as seed 58317 with "mixed": c4 waits for c5's run, which is forgotten, and then for c6, which has waited for
    // that run as well, has the next window's first claim, and gives it back.
    what: "a waiter runs in the window after the run that it waited for, where another has begun that",
    promise: "lease",
    plan: {
      ...PLAN,
      seed: 58_317,
      processes: 3,
      clones: true,
      latencyMs: 12,
      leaseMs: 2_000,
      ttlMs: 2_000,
      storeTimeoutMs: 300,
      waitMs: 35_000,
      calls: [
        call("c1", 307, 2, { ends: "error" }),
        { ...call("c4", 3_991, 2), onUncertain: "reject" },
        { ...call("c5", 2_000, 0, { afterEffectMs: 4_100, ends: "unstorable" }), onUncertain: "reject" },
        { ...call("c6", 3_917, 1, { ends: "unstorable" }), onUncertain: "reject" },
      ],
      faults: [{ kind: "forget", process: 0, at: 4_015, key: "k" }],
    },
  },
];
