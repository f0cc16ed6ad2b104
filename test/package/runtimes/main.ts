import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Consumer } from "../consumer.ts";
import { buildChecks } from "./build.ts";
import { compileWith, writeProjects } from "./declarations.ts";
import { HOSTS, writeScripts } from "./hosts.ts";
import { ROOT } from "./obtain.ts";
import { type Line, lineOf, linesOf, table } from "./report.ts";
import { COMPILERS } from "./versions.ts";

const AT_A_TIME = 2;

/** Does the tasks in their order, a few at a time, and tells of each what came of it as soon as it is known. */
async function work(tasks: readonly (() => Promise<Line[]>)[]): Promise<Line[]> {
  const done: Line[][] = tasks.map(() => []);
  const queue = [...tasks.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, task] = next;
      done[index] = await task();
      for (const line of done[index]) console.log(lineOf(line));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return done.flat();
}

/** Only some of them, where the command names any: `npm run test:runtimes -- deno "node.js 22"`. */
const isWanted = (name: string) =>
  process.argv.length === 2 ||
  process.argv.slice(2).some(wanted => name.toLowerCase().includes(wanted.toLowerCase()));

const begun = performance.now();
const consumer = await Consumer.install();
try {
  const { folder } = consumer;
  await Promise.all([buildChecks(folder), writeScripts(folder), writeProjects(folder)]);
  const lines = await work([
    ...HOSTS.filter(({ name }) => isWanted(name)).map(
      host => () => linesOf(host.name, () => host.run(folder)),
    ),
    ...COMPILERS.filter(isWanted).map(
      spec => () => linesOf(spec.replace("@", " "), () => compileWith(spec, folder)),
    ),
  ]);
  await mkdir(join(ROOT, "reports"), { recursive: true });
  await writeFile(join(ROOT, "reports/runtimes.json"), JSON.stringify(lines, undefined, 2));
  console.log(table(lines, (performance.now() - begun) / 1000));
  if (lines.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
} finally {
  await consumer.remove();
}
