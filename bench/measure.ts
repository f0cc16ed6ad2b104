/** Something whose speed is measured. */
export interface Candidate {
  readonly name: string;
  /** Does it that often, one after the other. */
  readonly run: (count: number) => Promise<unknown>;
}

/** How a candidate did: the medians of its rounds. */
export interface Measured {
  readonly name: string;
  readonly nanoseconds: number;
  /** Its speed as a multiple of the first candidate's in the same round. */
  readonly ratio: number;
}

/** A line of the report. */
export interface Row {
  readonly measure: string;
  readonly ours: string;
  readonly reference: string;
  readonly ratio: string;
  readonly target: string;
}

const ROUNDS = 21;
const ROUND_MS = 20;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

async function nanosecondsEach({ run }: Candidate, count: number): Promise<number> {
  const begun = process.hrtime.bigint();
  await run(count);
  return Number(process.hrtime.bigint() - begun) / count;
}

/** How often a candidate runs in a round, found while it warms up. */
async function countFor(candidate: Candidate): Promise<number> {
  let count = 500;
  while ((await nanosecondsEach(candidate, count)) * count < ROUND_MS * 1e6) count *= 2;
  return count;
}

/** Measures candidates in turn, round by round, so that what slows the machine down meets all of them. */
export async function compare(candidates: readonly Candidate[]): Promise<Measured[]> {
  // What was made ready for them leaves garbage, which is not theirs.
  globalThis.gc?.();
  const counts: number[] = [];
  for (const candidate of candidates) counts.push(await countFor(candidate));
  const rounds: number[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const times: number[] = [];
    for (const [index, candidate] of candidates.entries()) {
      times.push(await nanosecondsEach(candidate, counts[index]!));
    }
    rounds.push(times);
  }
  return candidates.map(({ name }, index) => ({
    name,
    nanoseconds: median(rounds.map(times => times[index]!)),
    ratio: median(rounds.map(times => times[0]! / times[index]!)),
  }));
}

export function inTime(nanoseconds: number): string {
  if (nanoseconds < 10_000) return `${Math.round(nanoseconds)} ns`;
  return nanoseconds < 1e6 ? `${(nanoseconds / 1e3).toFixed(1)} µs` : `${(nanoseconds / 1e6).toFixed(1)} ms`;
}

/** Hands the measures of a child process to its parent. */
export function report(result: unknown): void {
  process.stdout.write(JSON.stringify(result));
}
