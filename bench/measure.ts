/** Something whose speed is measured. */
export interface Candidate {
  readonly name: string;
  /** Does it that often, one after the other. */
  readonly run: (count: number) => Promise<unknown>;
}

/** What one call took, in nanoseconds: by the clock, and of this process's CPU. */
export interface Cost {
  readonly nanoseconds: number;
  readonly cpuNanoseconds: number;
}

/** How a candidate did: the medians of its rounds. */
export interface Measured extends Cost {
  readonly name: string;
  /** Its speed as a multiple of the first candidate's in the same round. */
  readonly ratio: number;
}

/** A line of the report. */
export interface Row {
  readonly measure: string;
  readonly ours: string;
  readonly reference: string;
  /** Ours and the reference's, where that is told. */
  readonly cpu?: string;
  readonly ratio: string;
  readonly target: string;
}

/** How long each candidate warms up: shorter, and the compiler still rewrites what is measured. */
const WARM_MS = 1_500;
/** How often the candidates run in turn. */
export const ROUNDS = 21;
const ROUND_MS = 30;
const BATCHES = 100;
const BATCH_MS = 5;

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export const median = (values: readonly number[]) => quantile(values, 0.5);

async function costOf({ run }: Candidate, count: number): Promise<Cost> {
  const cpu = process.cpuUsage();
  const begun = process.hrtime.bigint();
  await run(count);
  const nanoseconds = Number(process.hrtime.bigint() - begun) / count;
  const { user, system } = process.cpuUsage(cpu);
  return { nanoseconds, cpuNanoseconds: ((user + system) * 1e3) / count };
}

/** Warms a candidate up, and finds out how often it runs within that time. */
async function countFor(candidate: Candidate, withinMs: number): Promise<number> {
  let count = 100;
  const end = performance.now() + WARM_MS;
  for (;;) {
    const { nanoseconds } = await costOf(candidate, count);
    if (nanoseconds * count < withinMs * 1e6) count *= 2;
    else if (performance.now() > end) return count;
  }
}

/** What a candidate costs in this process, which is its own: the 75th percentile of batches, and the CPU of them all. */
export async function costAlone(candidate: Candidate): Promise<Cost> {
  globalThis.gc?.();
  const count = await countFor(candidate, BATCH_MS);
  return costInBatches(candidate, count, BATCHES);
}

export async function costInBatches(candidate: Candidate, count: number, batches: number): Promise<Cost> {
  const costs: Cost[] = [];
  for (let batch = 0; batch < batches; batch++) costs.push(await costOf(candidate, count));
  return {
    nanoseconds: quantile(
      costs.map(cost => cost.nanoseconds),
      0.75,
    ),
    // Not of the batches one by one: collections of garbage, which some batches escape, are part of the price.
    cpuNanoseconds: costs.reduce((sum, cost) => sum + cost.cpuNanoseconds, 0) / batches,
  };
}

/** The medians of rounds, in each of which every candidate had its turn. */
export function summarize(names: readonly string[], rounds: readonly (readonly Cost[])[]): Measured[] {
  const medianOf = (pick: (costs: readonly Cost[]) => number) => median(rounds.map(pick));
  return names.map((name, index) => ({
    name,
    nanoseconds: medianOf(costs => costs[index]!.nanoseconds),
    cpuNanoseconds: medianOf(costs => costs[index]!.cpuNanoseconds),
    ratio: medianOf(costs => costs[0]!.nanoseconds / costs[index]!.nanoseconds),
  }));
}

/**
 * Measures candidates in turn, round by round, in this process, so that what slows the machine down meets all of them:
 * for those that share a server.
 */
export async function compare(candidates: readonly Candidate[]): Promise<Measured[]> {
  // What was made ready for them leaves garbage, which is not theirs.
  globalThis.gc?.();
  const counts: number[] = [];
  for (const candidate of candidates) counts.push(await countFor(candidate, ROUND_MS));
  const rounds: Cost[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const costs: Cost[] = [];
    for (const [index, candidate] of candidates.entries()) {
      costs.push(await costOf(candidate, counts[index]!));
    }
    rounds.push(costs);
  }
  const names = candidates.map(({ name }) => name);
  return summarize(names, rounds);
}

export function inTime(nanoseconds: number): string {
  if (nanoseconds < 10_000) return `${Math.round(nanoseconds)} ns`;
  return nanoseconds < 1e6 ? `${(nanoseconds / 1e3).toFixed(1)} µs` : `${(nanoseconds / 1e6).toFixed(1)} ms`;
}

/** The CPU column: ours, and the reference's. */
export const inCpu = (own: Cost, reference: Cost) =>
  `${inTime(own.cpuNanoseconds)} / ${inTime(reference.cpuNanoseconds)}`;

/** Hands the measures of a child process to its parent. */
export function report(result: unknown): void {
  process.stdout.write(JSON.stringify(result));
}
