// npx tsx test/proof/simulation/mutation.ts: which protection is missed after how many runs, as a table for the docs.
import { campaign, type Failure } from "./campaign.ts";
import { MUTANTS, type Mutant, without } from "./mutants.ts";
import { planOf } from "./plan.ts";
import { compile } from "./sandbox.ts";
import { simulate } from "./simulate.ts";

/** After how many runs the simulation misses a protection, and by which promise. */
export interface Find {
  runs: number;
  promise: string;
}

const whole = compile();

/**
 * Runs without a protection, from a seed on, until a promise is broken that is kept with it; undefined where none is
 * within `limit` runs.
 */
export async function find(mutant: Mutant, seed: number, limit: number): Promise<Find | undefined> {
  const { policy } = mutant;
  const program = compile(without(mutant));
  const isKeptWithIt = async (failure: Failure) =>
    (await simulate(planOf(failure.seed, policy), whole)).violations.length === 0;
  const { runs, failures } = await campaign({ runs: limit, seed, policy, program, until: isKeptWithIt });
  const last = failures.at(-1);
  if (last?.seed !== seed + runs - 1 || !(await isKeptWithIt(last))) return undefined;
  return { runs, promise: last.violations[0]!.promise };
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const limit = Number(process.argv[2] ?? 20_000);
  console.log("| protection | without it | found by | after |\n|---|---|---|---|");
  for (const mutant of MUTANTS) {
    const found = await find(mutant, 1, limit);
    const shown = found
      ? `${found.promise} | ${found.runs} runs, "${mutant.policy}"`
      : `– | not within ${limit} runs`;
    console.log(`| ${mutant.protection} | ${mutant.without} | ${shown} |`);
  }
}
