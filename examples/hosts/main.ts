// Runs the jobs of one runtime twice, without the wrapper and with it, and kills workers meanwhile:
// `npm run hosts -- bullmq`, `pg-boss`, `dbos`, `inngest` or `temporal`.
import { bullmq } from "./bullmq/host.ts";
import { renderTable } from "./common/figures.ts";
import { runOnce } from "./common/run.ts";
import { dbos } from "./dbos/host.ts";
import { inngest } from "./inngest/host.ts";
import { pgBoss } from "./pg-boss/host.ts";
import { temporal } from "./temporal/host.ts";

const HOSTS = new Map([
  ["bullmq", bullmq],
  ["pg-boss", pgBoss],
  ["dbos", dbos],
  ["inngest", inngest],
  ["temporal", temporal],
]);

const [name = ""] = process.argv.slice(2);
const host = HOSTS.get(name);
if (host === undefined) {
  console.error(`expected one of ${[...HOSTS.keys()].join(", ")}; got ${name || "none"}`);
  process.exitCode = 2;
} else {
  const [without, withIt] = await Promise.all([runOnce(host, "without"), runOnce(host, "with")]);
  console.log(`${host.name}\n${renderTable(without, withIt)}`);
  const kept = withIt.duplicates === 0 && withIt.lost === 0 && withIt.completed === withIt.jobs;
  process.exitCode = kept ? 0 : 1;
}
