// Runs the jobs of each workflow runtime twice, without the wrapper and with it, and kills workers meanwhile. Only some
// of them where the command names any: `npm run hosts -- bullmq temporal`.
import { showsHelp } from "../../scripts/help.ts";
import { compare } from "./common/compare.ts";
import { explainRows } from "./common/figures.ts";
import { installPackages } from "./common/packages.ts";
import type { Host } from "./common/run.ts";
import { HOSTS } from "./hosts.ts";

const HELP = `
Usage: npm run hosts [-- NAME ...]

Runs the jobs of each workflow runtime twice, once without the wrapper and once with it, and kills workers while they
run. Prints what an SMTP server on this machine has received. Inngest and Temporal are installed from npm the first time.
NAME is one of ${[...HOSTS.keys()].join(", ")}; all of them by default.

Exit codes: 0 each email arrived once with the wrapper, 1 not, 2 an unknown name.`;

/** Whether each email arrived once with the wrapper. */
async function isKept(host: Host): Promise<boolean> {
  const { withIt } = await compare(host);
  console.log(`With the wrapper: ${withIt.duplicates} duplicates, ${withIt.lost} lost.`);
  return withIt.duplicates === 0 && withIt.lost === 0 && withIt.completed === withIt.jobs;
}

const INTRODUCTION = `
Each runtime runs the same jobs twice: each call sends, and each call is wrapped. Workers are killed meanwhile, and the mail
server on this machine cuts some connections after it has taken the email. The runtime tries again.`.trimStart();

const named = process.argv.slice(2);
const unknown = named.filter(name => !HOSTS.has(name));
if (showsHelp(named, HELP)) {
  process.exitCode = 0;
} else if (unknown.length > 0) {
  console.error(`expected some of ${[...HOSTS.keys()].join(", ")}; got ${unknown.join(", ")}`);
  process.exitCode = 2;
} else {
  console.log(INTRODUCTION);
  for (const name of named.length > 0 ? named : HOSTS.keys()) {
    const host = HOSTS.get(name)!;
    const failure = await installPackages(host).catch((error: Error) => error);
    if (failure !== undefined) console.error(`!!! ${host.name} WAS NOT RUN: ${failure.message}`);
    else if (!(await isKept(host))) process.exitCode = 1;
  }
  console.log(`\n${explainRows()}`);
}
