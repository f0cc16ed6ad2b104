// npx tsx test/proof/chaos/mutation.ts [--store redis] [--seconds 20] [--mutant NAME]: which protection is missed, and how soon, as a table.
import { chaos } from "./chaos.ts";
import { CHAOS_MUTANTS, mutantOf } from "./mutants.ts";
import { readSettings } from "./settings.ts";

/** How often it is tried, each time with the next seed, before a mutant counts as not found. */
const TRIES = 3;

const settings = readSettings(["--seconds", "20", ...process.argv.slice(2)]);
const { store, seconds, workers } = settings;
console.log(`${store}, ${workers} workers, ${seconds} s a try, seeds from ${settings.seed}\n`);
console.log(
  "| protection | without it | policy | first broken | violations | tries |\n|---|---|---|---|---|---|",
);
for (const mutant of settings.mutant === undefined ? Object.keys(CHAOS_MUTANTS) : [settings.mutant]) {
  const { without, policy } = mutantOf(mutant);
  console.log(`| ${mutant} | ${without} | ${policy} | ${await find(mutant)} |`);
}

async function find(mutant: string): Promise<string> {
  for (let tried = 1; tried <= TRIES; tried++) {
    const { policy } = mutantOf(mutant);
    const seed = settings.seed + tried - 1;
    const outcome = await chaos({ ...settings, policy, mutant, seed }).catch(String);
    // What nobody catches ends a worker.
    if (typeof outcome === "string") return `– | ${outcome.split("\n", 1)[0]} | ${tried}`;
    const { violations, lines } = outcome;
    if (violations.length === 0) continue;
    const began = lines.find(({ type }) => type === "call")?.at ?? 0;
    const [first] = violations.toSorted((a, b) => a.at - b.at);
    const promises = [...new Set(violations.map(({ promise }) => promise))].sort().join(" ");
    return `${Math.round((first!.at - began) / 1_000)} s | ${violations.length} (${promises}) | ${tried}`;
  }
  return `not within ${TRIES} tries | 0 | ${TRIES}`;
}
