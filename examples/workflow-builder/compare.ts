import { createProvider, type Message } from "./provider.ts";
import { createRuntime, type Ended } from "./runtime.ts";
import type { Node, Workflow } from "./workflow.ts";

/** What came of a run of all events. */
export interface Tally {
  readonly ended: readonly Ended[];
  readonly messages: number;
  /** Messages that their reader had before. */
  readonly duplicates: number;
  /** Events that count as told, but whose message never went out. */
  readonly lost: number;
}

const identityOf = ({ to, text }: Message) => `${to} ${text}`;

/** Runs the events of a log one after the other. */
export async function runAll(workflow: Workflow, events: readonly unknown[]): Promise<Tally> {
  const provider = createProvider();
  const { run } = createRuntime(workflow, provider);
  const ended: Ended[] = [];
  for (const event of events) ended.push(await run(event));
  const { sent } = provider;
  const received = new Set(sent.map(identityOf));
  const lost = ended.filter(each => "message" in each && !received.has(identityOf(each.message))).length;
  return { ended, messages: sent.length, duplicates: sent.length - received.size, lost };
}

/** The same workflow with its tabs left empty. */
export function withoutTabs({ start, nodes }: Workflow): Workflow {
  const bare = (node: Node): Node => (node.type === "notify" ? { ...node, idempotent: undefined } : node);
  return { start, nodes: new Map(Array.from(nodes, ([name, node]) => [name, bare(node)])) };
}
