import type { Violation } from "../history/events.ts";
import { type Plan, type Policy, planOf } from "./plan.ts";
import { compile, type Program } from "./sandbox.ts";
import { shrink } from "./shrink.ts";
import { type Simulation, simulate } from "./simulate.ts";

/** What many runs came to. */
export interface Tally {
  runs: number;
  counts: Map<string, number>;
  faults: Map<string, number>;
  failures: Failure[];
}

/** A run that broke a promise. */
export interface Failure {
  seed: number;
  policy: Policy;
  violations: Violation[];
}

export interface Campaign {
  runs: number;
  /** The first seed; the others follow. */
  seed: number;
  policy: Policy;
  program?: Program;
  /** Ends early at the first failure that counts. */
  until?: (failure: Failure) => boolean | Promise<boolean>;
  /** Told after each run. */
  onRun?: (tally: Tally) => void;
}

/** Runs many plans, and counts. */
export async function campaign({
  runs,
  seed,
  policy,
  program = compile(),
  until,
  onRun,
}: Campaign): Promise<Tally> {
  const tally: Tally = { runs: 0, counts: new Map(), faults: new Map(), failures: [] };
  for (let index = 0; index < runs; index++) {
    const simulation = await simulate(planOf(seed + index, policy), program);
    tally.runs++;
    count(tally, simulation);
    onRun?.(tally);
    if (simulation.violations.length === 0) continue;
    const failure = { seed: seed + index, policy, violations: simulation.violations };
    tally.failures.push(failure);
    if (await until?.(failure)) break;
  }
  return tally;
}

const add = (counts: Map<string, number>, name: string, by = 1) =>
  counts.set(name, (counts.get(name) ?? 0) + by);

function count({ counts, faults }: Tally, { history, struck, steps }: Simulation): void {
  add(counts, "steps", steps);
  for (const [kind, times] of struck) add(faults, kind, times);
  for (const event of history) {
    if (event.type === "call") add(counts, "calls");
    if (event.type === "call" && event.batch !== undefined) add(counts, "calls that are items");
    if (event.type === "many") add(counts, "executeMany");
    if (event.type === "batch") add(counts, "batches");
    if (event.type === "start")
      add(counts, event.attempt > 1 ? "runs again (takeovers and retries)" : "first runs");
    if (event.type === "effect") add(counts, "side effects");
    if (event.type === "store") add(counts, "operations of the store");
    if (event.type === "result" && event.replayed) add(counts, "replays");
    if (event.type === "result" && !event.replayed) add(counts, "results of own runs");
    if (event.type === "refused")
      add(counts, `refused: ${event.aborted ? "aborted" : (event.code ?? "error of fn")}`);
  }
}

/** The smallest plan that breaks the same promise, and what happens in it. */
export async function minimise(
  failure: Failure,
  program: Program = compile(),
): Promise<{ plan: Plan } & Simulation> {
  const promise = failure.violations[0]!.promise;
  const breaks = async (plan: Plan) =>
    (await simulate(plan, program)).violations.some(violation => violation.promise === promise);
  const plan = await shrink(planOf(failure.seed, failure.policy), breaks);
  return { plan, ...(await simulate(plan, program)) };
}
