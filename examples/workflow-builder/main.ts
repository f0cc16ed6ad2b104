// Runs the events of a shop through a workflow whose notification node has a tab "Idempotent": once with the tab left
// empty and once as it is filled in. `npm run workflow`, or `npm run workflow -- FILE` for a workflow of your own.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import pc from "picocolors";
import { showsHelp } from "../../scripts/help.ts";
import { runAll, withoutTabs } from "./compare.ts";
import { renderTable } from "./table.ts";
import { readWorkflow, WorkflowError } from "./workflow.ts";

const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));

interface OrderEvent {
  at: string;
  order: { id: number | string; status: string };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new WorkflowError(`cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** @returns whether each customer got each message once */
async function main([file = beside("workflow.json")]: readonly string[]): Promise<boolean> {
  const workflow = readWorkflow(await readText(file));
  const events: OrderEvent[] = JSON.parse(await readFile(beside("events.json"), "utf8"));
  const colors = pc.createColors(process.stdout.isTTY === true && pc.isColorSupported);

  const without = await runAll(withoutTabs(workflow), events);
  const withTab = await runAll(workflow, events);
  const names = events.map(({ at, order }) => `${at} ${order.id} ${order.status}`);
  console.log(`${renderTable(names, without, withTab, colors)}\n`);
  for (const [i, ended] of withTab.ended.entries()) {
    if (ended.did === "failed") console.log(`${names[i]}:\n  ${ended.why.replaceAll("\n", "\n  ")}\n`);
  }
  const isKept = withTab.duplicates === 0 && withTab.lost === 0;
  const verdict = `With the tab: ${withTab.duplicates} duplicates, ${withTab.lost} lost.`;
  console.log((isKept ? colors.green : colors.red)(verdict));
  return isKept;
}

const HELP = `
Usage: npm run workflow [-- FILE]

Runs the events of a shop through a workflow whose notification node has a tab "Idempotent": once with the tab left empty,
and once as it is filled in. Prints who got what. FILE is a workflow of your own, JSON as in
examples/workflow-builder/workflow.json.

Exit codes: 0 each customer got each message once with the tab, 1 not, 2 the workflow cannot be run.`;

const args = process.argv.slice(2);
if (showsHelp(args, HELP)) process.exit();
try {
  process.exitCode = (await main(args)) ? 0 : 1;
} catch (error) {
  if (!(error instanceof WorkflowError)) throw error;
  process.stderr.write(`The workflow cannot be run:\n${error.message}\n`);
  process.exitCode = 2;
}
