import { expect, it } from "vitest";
import { campaign, type Failure, minimise } from "./campaign.ts";
import { FINDINGS } from "./found.ts";
import { type Policy, planOf } from "./plan.ts";
import { compile } from "./sandbox.ts";
import { simulate } from "./simulate.ts";
import { planText, timeline } from "./timeline.ts";

const { SIMULATION_RUNS = "1000" } = process.env;
const RUNS = Number(SIMULATION_RUNS);
const TIMEOUT_MS = 60_000 + RUNS * 40;
const program = compile();

/** A failure as a reader needs it: the smallest plan that fails, and its timeline. */
async function report(failure: Failure): Promise<string> {
  const { plan, history, violations } = await minimise(failure, program);
  return `seed ${failure.seed}, ${failure.policy}\n${planText(plan)}\n${timeline(history, violations)}`;
}

it.each<Policy>(["reject", "rerun", "mixed"])(
  'every promise is kept in every interleaving, with onUncertain "%s"',
  async policy => {
    const { runs, counts, failures } = await campaign({
      runs: RUNS,
      seed: 1,
      policy,
      program,
      until: () => true,
    });
    const [failure] = failures;
    if (failure) expect.fail(await report(failure));
    expect(runs).toBe(RUNS);
    for (const name of ["replays", "refused: OUTCOME_UNKNOWN", "refused: STORE_ERROR"]) {
      if (policy === "rerun" && name.endsWith("UNKNOWN")) continue;
      expect([name, counts.get(name)! > RUNS / 100]).toEqual([name, true]);
    }
  },
  TIMEOUT_MS,
);

it("a seed gives the same run again, to the letter", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const [first, second] = [
      await simulate(planOf(seed, "mixed"), program),
      await simulate(planOf(seed, "mixed"), program),
    ];
    expect(timeline(second.history)).toBe(timeline(first.history));
    expect(second.history).toEqual(first.history);
  }
});

// What the simulation once found, as the smallest plans that showed it.
it.each(FINDINGS)("$what", async ({ plan, promise }) => {
  const { history, violations } = await simulate(plan, program);
  if (violations.length > 0) expect(violations[0]!.promise).toBe(promise);
  expect(timeline(history, violations)).not.toContain("✗");
});
