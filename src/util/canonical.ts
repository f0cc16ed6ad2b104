import { type Parts, partsOf, primitive } from "./parts.ts";
import { type Edge, refine } from "./refine.ts";
import { digest } from "./sha256.ts";

/** A text that is equal for deep-equal plain data, and only for such (section 4). Throws for any other data. */
export function canonical(data: unknown): string {
  const room: Room = { left: ROOM };
  try {
    return small(data, 0, room);
  } catch (error) {
    if (error !== room) throw error;
    // No text of `small` begins so.
    return `~${large(data)}`;
  }
}

/** What the text of small data may still cost. Thrown where that is too little. */
interface Room {
  left: number;
}

const ROOM = 2_097_152;
const COST = 128;
const COST_OF_BYTE = 16;
const MAX_DEPTH = 100;

/** The text of data that is small though shared parts are written again. Whether it is does not depend on the order. */
function small(value: unknown, depth: number, room: Room): string {
  const { children, text, bytes = 0 } = partsOf(value);
  spend(room, COST + bytes * COST_OF_BYTE);
  if (depth > MAX_DEPTH || (typeof value === "string" && value.length > room.left)) throw room;
  const written = text(
    children.map(child => small(child, depth + 1, room)),
    true,
  );
  spend(room, written.length);
  return written;
}

function spend(room: Room, cost: number): void {
  room.left -= cost;
  if (room.left < 0) throw room;
}

const MAX_INLINE = 64;

const isNode = (value: unknown) =>
  (typeof value === "object" && value !== null) || (typeof value === "string" && value.length > MAX_INLINE);

/** The data as a graph in which what is shared is one node: its nodes by number, from the root's 0. */
interface Graph {
  numbers: Map<unknown, number>;
  parts: Parts[];
  /** The nodes that refer to each, once for each reference. */
  users: number[][];
  /** How many of its references lead to a node whose text is not known. */
  open: number[];
  texts: string[];
}

/** The text of any data: in proportion to its graph where it has no cycle, at any depth. */
function large(data: unknown): string {
  const graph = graphOf(data);
  const { parts, users, open, texts } = graph;
  const ready = [...open.keys()].filter(node => open[node] === 0);
  for (const node of ready) {
    const text = textOf(graph, parts[node]!);
    texts[node] = text.length > MAX_INLINE ? `#${digest(text)}` : text;
    for (const user of users[node]!) if (--open[user]! === 0) ready.push(user);
  }
  // What is left leads to a cycle.
  return texts[0] ?? cyclic(graph);
}

function graphOf(root: unknown): Graph {
  const graph: Graph = { numbers: new Map([[root, 0]]), parts: [], users: [[]], open: [], texts: [] };
  const { numbers, parts, users, open } = graph;
  // Grows while it is gone through: a list in place of a stack that could overflow.
  for (const value of numbers.keys()) {
    const node = parts.push(partsOf(value)) - 1;
    open[node] = 0;
    for (const child of parts[node]!.children) {
      if (!isNode(child)) continue;
      if (!numbers.has(child)) numbers.set(child, users.push([]) - 1);
      users[numbers.get(child)!]!.push(node);
      open[node]!++;
    }
  }
  return graph;
}

/** A node's text, with a star for each child that has none yet. */
const textOf = ({ numbers, texts }: Graph, { children, text }: Parts) =>
  text(
    Array.from(children, child => (isNode(child) ? (texts[numbers.get(child)!] ?? "*") : primitive(child))),
    false,
  );

/**
 * The text of data with cycles. Equal data may be laid out as other graphs (a cycle may be gone through twice before
 * it closes), but whatever its graph, its nodes fall into the same classes of equal data.
 */
function cyclic(graph: Graph): string {
  const { numbers, parts, open, texts } = graph;
  const left = [...open.keys()].filter(node => texts[node] === undefined);
  const numberOf = new Map(left.map((node, i) => [node, i]));
  const names = left.map(node => textOf(graph, parts[node]!));
  const edges = left.flatMap((node, from) =>
    parts[node]!.children.flatMap((child, i): Edge[] => {
      const to = isNode(child) ? numberOf.get(numbers.get(child)!) : undefined;
      return to === undefined ? [] : [{ from, to, label: parts[node]!.labels?.[i] ?? String(i) }];
    }),
  );
  return classText(refine(names, edges), names, edges);
}

/** The text of a graph's classes, in an order that they have by themselves. The root is node 0. */
function classText(classOf: number[], names: string[], edges: Edge[]): string {
  const first: number[] = [];
  for (const [node, of] of classOf.entries()) first[of] ??= node;
  const own = edges
    .filter(({ from }) => first[classOf[from]!] === from)
    .map(({ from, to, label }) => ({ from: classOf[from]!, to: classOf[to]!, label }));
  const rank = refine(
    first.map(node => names[node]!),
    own,
  );
  const lines: string[][] = [];
  for (const [of, node] of first.entries()) lines[rank[of]!] = [names[node]!];
  for (const { from, to, label } of own) lines[rank[from]!]!.push(`${label}>${rank[to]}`);
  // The JSON in names and labels has no line feed and no tab.
  return [rank[classOf[0]!], ...lines.map(([name, ...rest]) => [name, ...rest.sort()].join("\t"))].join("\n");
}
