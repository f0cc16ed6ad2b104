import { parseArgs } from "node:util";
import { readOrExit, showsHelp } from "../../../scripts/help.ts";
import { campaign, minimise } from "./campaign.ts";
import type { Policy } from "./plan.ts";
import { compile } from "./sandbox.ts";
import { planText, timeline } from "./timeline.ts";

const POLICIES = ["reject", "rerun", "mixed"] satisfies Policy[];

const HELP = `
Usage: npm run simulate -- [OPTIONS]

Runs processes, network and store in an artificial world, with faults drawn from a seed, and checks every promise against
each history. A seed gives the same run each time. A history that breaks a promise is shrunk and shown.

  --runs N                       default 10000
  --seed N                       of the first run; default 1
  --policy NAME                  onUncertain: ${POLICIES.join(", ")}; default reject
  --show N                       how many kinds of failure to show; default 3

Exit codes: 0 no promise was broken, 1 one was, 2 bad options.`;

if (showsHelp(process.argv.slice(2), HELP)) process.exit();
const OPTIONS = {
  runs: { type: "string", default: "10000" },
  seed: { type: "string", default: "1" },
  policy: { type: "string", default: "reject" },
  show: { type: "string", default: "3" },
} as const;

const settings = readOrExit("simulate", () => {
  const { values } = parseArgs({ options: OPTIONS });
  const whole = (name: "runs" | "seed" | "show", min: number) => {
    const number = Number(values[name]);
    if (Number.isSafeInteger(number) && number >= min) return number;
    throw new Error(`--${name}: expected a whole number from ${min}; got ${values[name]}`);
  };
  const policy = POLICIES.find(each => each === values.policy);
  if (policy === undefined) {
    throw new Error(`--policy: expected ${POLICIES.join(", ")}; got ${values.policy}`);
  }
  return { runs: whole("runs", 1), seed: whole("seed", 0), show: whole("show", 0), policy };
});
const { policy } = settings;
const program = compile();
const began = performance.now();
const { runs, counts, faults, failures } = await campaign({
  runs: settings.runs,
  seed: settings.seed,
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
console.log(`${runs} runs with onUncertain "${policy}" from seed ${settings.seed} in ${seconds} s`);
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
for (const [first] of [...kinds.values()].slice(0, settings.show)) {
  const { plan, history, violations } = await minimise(first!, program);
  console.log(`\nSeed ${first!.seed}, made smaller:\n${planText(plan)}\n\n${timeline(history, violations)}`);
}
process.exitCode = failures.length > 0 ? 1 : 0;
