// Runs the jobs of each workflow runtime twice, without the wrapper and with it, and kills workers meanwhile. Only some
// of them where the command names any: `npm run hosts -- bullmq temporal`.
import { compare } from "./common/compare.ts";
import { installPackages } from "./common/packages.ts";
import type { Host } from "./common/run.ts";
import { HOSTS } from "./hosts.ts";

/** Whether each mail arrived once with the wrapper. */
async function isKept(host: Host): Promise<boolean> {
  const { withIt } = await compare(host);
  return withIt.duplicates === 0 && withIt.lost === 0 && withIt.completed === withIt.jobs;
}

const named = process.argv.slice(2);
const unknown = named.filter(name => !HOSTS.has(name));
if (unknown.length > 0) {
  console.error(`expected some of ${[...HOSTS.keys()].join(", ")}; got ${unknown.join(", ")}`);
  process.exitCode = 2;
} else {
  for (const name of named.length > 0 ? named : HOSTS.keys()) {
    const host = HOSTS.get(name)!;
    const failure = await installPackages(host).catch((error: Error) => error);
    if (failure !== undefined) console.error(`!!! ${host.name} WAS NOT RUN: ${failure.message}`);
    else if (!(await isKept(host))) process.exitCode = 1;
  }
}
