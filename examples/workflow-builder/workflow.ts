import { isIdempotencyError } from "with-idempotency";
import { type IdempotencySettings, readSettings } from "with-idempotency/settings";

/** A node of a workflow, as it is run. */
export type Node =
  | { readonly type: "event"; readonly next?: string | undefined }
  | {
      readonly type: "filter";
      readonly path: string;
      readonly oneOf: readonly unknown[];
      readonly next?: string | undefined;
    }
  | {
      readonly type: "notify";
      readonly to: string;
      readonly says: readonly string[];
      /** What the node's tab "Idempotent" says; undefined where it was left empty. */
      readonly idempotent?: IdempotencySettings | undefined;
      readonly next?: string | undefined;
    };

/** A graph of nodes, each by its name. */
export interface Workflow {
  readonly start: string;
  readonly nodes: ReadonlyMap<string, Node>;
}

/** A workflow that cannot be run; its message has a line for each fault. */
export class WorkflowError extends Error {
  override readonly name = "WorkflowError";
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

const RULES: Readonly<Record<string, (node: Record<string, unknown>) => boolean>> = {
  event: () => true,
  filter: ({ path, oneOf }) => isText(path) && Array.isArray(oneOf),
  notify: ({ to, says }) => isText(to) && Array.isArray(says) && says.every(isText),
};

/** Reads a node. Its tab is read here, once, so that its faults show when the workflow is saved and not when it runs. */
function readNode(name: string, json: unknown): Node {
  if (!isObject(json) || !isText(json["type"]) || !RULES[json["type"]]?.(json)) {
    throw new WorkflowError(
      `${name}: expected a node of type ${Object.keys(RULES).join(", ")}, with its fields`,
    );
  }
  if (json["type"] !== "notify" || json["idempotent"] === undefined) return json as unknown as Node;
  try {
    return {
      ...(json as unknown as Node & { type: "notify" }),
      idempotent: readSettings(json["idempotent"]),
    };
  } catch (error) {
    if (!isIdempotencyError(error, "INVALID_OPTION")) throw error;
    throw new WorkflowError(error.message.replace(/^settings/gm, `${name}, tab Idempotent`));
  }
}

/**
 * Reads a workflow from JSON text.
 *
 * @throws WorkflowError that names each node with a fault
 */
export function readWorkflow(text: string): Workflow {
  const json = parse(text);
  if (!isObject(json) || !isObject(json["nodes"]) || !isText(json["start"])) {
    throw new WorkflowError('expected { "start": "a node\'s name", "nodes": { … } }');
  }
  const faults: string[] = [];
  const nodes = new Map<string, Node>();
  for (const [name, node] of Object.entries(json["nodes"])) {
    try {
      nodes.set(name, readNode(name, node));
    } catch (error) {
      if (!(error instanceof WorkflowError)) throw error;
      faults.push(error.message);
    }
  }
  const named = [json["start"], ...[...nodes.values()].flatMap(({ next = [] }) => next)];
  for (const name of named)
    if (!Object.hasOwn(json["nodes"], name)) faults.push(`${name}: there is no such node`);
  if (faults.length > 0) throw new WorkflowError(faults.join("\n"));
  return { start: json["start"], nodes };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new WorkflowError(`expected JSON: ${(error as Error).message}`);
  }
}
