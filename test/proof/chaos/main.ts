// What it takes is said by npm run chaos -- --help.
import { writeFileSync } from "node:fs";
import { readOrExit, showsHelp } from "../../../scripts/help.ts";
import { readHistories } from "../history/events.ts";
import { judge, type Verdict } from "./assemble.ts";
import { chaos, complaints } from "./chaos.ts";
import { CLOCKS } from "./fleet.ts";
import type { Line } from "./journal.ts";
import { DEFAULTS, POLICIES, readSettings, STORES } from "./settings.ts";
import { table } from "./tally.ts";

const HELP = `
Usage: npm run chaos -- [OPTIONS]

Worker processes use a real store while faults occur: workers are killed and paused, connections are cut, the server is
restarted. Then every promise is checked against what each process recorded.

  --store NAME                     ${STORES.join(", ")}; default ${DEFAULTS.store}. A server of its own is started
  --policy NAME                    onUncertain: ${POLICIES.join(", ")}; default ${DEFAULTS.policy}
  --minutes N, --seconds N         how long faults occur; default 1 minute
  --seed N                         chooses the faults and calls; default 1. They interleave differently in each run
  --workers N, --rate N            processes, and calls per second of each; defaults 4 and 8
  --mutant NAME                    a protection to remove: see test/proof/chaos/mutants.ts
  --peer NAME                      another package in place of this one: see test/proof/chaos/peers
  --keep FILE                      writes the history to a file
  --check FILE                     checks a kept history and runs nothing

Exit codes: 0 no promise was broken, 1 one was, 2 bad options.`;

const args = process.argv.slice(2);
if (showsHelp(args, HELP)) process.exit();
const at = args.indexOf("--keep");
// Where the whole history is written to, a line of JSON for each event.
const [, keep] = at < 0 ? [] : args.splice(at, 2);
if (args[0] === "--check") {
  complain(judge(readHistories(args.slice(1)) as Line[]));
  process.exit();
}
const settings = readOrExit("chaos", () => readSettings(args));
const begun = performance.now();
const outcome = await chaos(settings);
if (keep) writeFileSync(keep, outcome.lines.map(line => `${JSON.stringify(line)}\n`).join(""));
const { store, policy, seed, seconds, workers, mutant, peer } = settings;
console.log(
  `${store}, ${policy}, seed ${seed}, ${seconds} s, ${workers} workers${mutant ? `, without: ${mutant}` : ""}${peer ? `, peer: ${peer}` : ""}`,
);
console.log(
  `${outcome.about}; clocks: ${CLOCKS}; ${Math.round((performance.now() - begun) / 1_000)} s in all`,
);
console.log("The seed gives the same faults and calls again; how they interleave, nothing does.");
console.log(table(outcome.tally));
complain(outcome);
// One run of many never ended although all that it had started was gone.
process.exit();

function complain(verdict: Verdict): void {
  if (verdict.violations.length === 0) return;
  console.log(`\n${complaints(verdict)}`);
  process.exitCode = 1;
}
