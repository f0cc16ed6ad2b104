// npm run simulate -- --runs 100000 --seed 1 --policy reject
import { parseArgs } from "node:util";
import { showsHelp } from "../../../scripts/help.ts";
import { campaign, minimise } from "./campaign.ts";
import type { Policy } from "./plan.ts";
import { compile } from "./sandbox.ts";
import { planText, timeline } from "./timeline.ts";

const HELP = `
Usage: npm run simulate -- [OPTIONS]

Runs processes, network and store in an artificial world, with faults drawn from a seed, and checks every promise against
each history. A seed gives the same run each time. A history that breaks a promise is shrunk and shown.

  --runs N                       default 10000
  --seed N                       of the first run; default 1
  --policy reject|rerun|mixed    onUncertain; default reject
  --show N                       how many kinds of failure to show; default 3

Exit codes: 0 no promise was broken, 1 one was.`;

if (showsHelp(process.argv.slice(2), HELP)) process.exit();
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    policy: { type: "string", default: "reject" },
    show: { type: "string", default: "3" },
  },
});

const policy = values.policy as Policy;
if (!["reject", "rerun", "mixed"].includes(policy)) {
  throw new Error(`--policy: expected reject, rerun or mixed; got ${values.policy}`);
}
const program = compile();
const began = performance.now();
const { runs, counts, faults, failures } = await campaign({
  runs: Number(values.runs),
  seed: Number(values.seed),
  policy,
  program,
  onRun({ runs, failures }) {
    if (runs % 10_000 === 0) console.error(`${runs} runs, ${failures.length} failures`);
  },
});
const table = (title: string, rows: Iterable<[string, number]>) => {
  console.log(`\n${title}`);
  for (const [name, number] of [...rows].sort()) console.log(`  ${String(number).padStart(10)}  ${name}`);
};

const seconds = ((performance.now() - began) / 1_000).toFixed(1);
console.log(`${runs} runs with onUncertain "${policy}" from seed ${values.seed} in ${seconds} s`);
table("What happened", counts);
table("Faults that struck", faults);
console.log(`\n${failures.length} runs broke a promise`);
const kinds = new Map<string, typeof failures>();
for (const failure of failures) {
  const { promise, message } = failure.violations[0]!;
  const kind = `${promise} ${message.replace(/\(c\d+\)|[bc]\d+(\.\d+)?|\d+|p\d+'*/g, "…")}`;
  kinds.set(kind, [...(kinds.get(kind) ?? []), failure]);
}
for (const [kind, alike] of kinds) {
  console.log(`\n${alike.length} × ${kind}\n  seeds ${alike.slice(0, 10).map(({ seed }) => seed)}`);
}
for (const [first] of [...kinds.values()].slice(0, Number(values.show))) {
  const { plan, history, violations } = await minimise(first!, program);
  console.log(`\nSeed ${first!.seed}, made smaller:\n${planText(plan)}\n\n${timeline(history, violations)}`);
}
process.exitCode = failures.length > 0 ? 1 : 0;
