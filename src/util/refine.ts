/** An edge of a graph whose nodes are numbered. */
export interface Edge {
  from: number;
  to: number;
  label: string;
}

function groupBy<K>(nodes: Iterable<number>, keyOf: (node: number) => K): [K, number[]][] {
  const groups = new Map<K, number[]>();
  for (const node of nodes) {
    const group = groups.get(keyOf(node));
    if (group === undefined) groups.set(keyOf(node), [node]);
    else group.push(node);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * The class of each node, in the coarsest division in which the nodes of a class have one name, and as many edges of
 * each label into any class. Takes n log n steps: of what a class falls into, the largest need not be looked at again
 * (Hopcroft; Paige and Tarjan). If no two nodes share a class, the numbers of the classes do not depend on those of
 * the nodes: nothing here is decided by these.
 *
 * ```ts
 * // Two nodes that refer to each other, and one that refers to itself.
 * refine(["[*]", "[*]", "[*]"], [
 *   { from: 0, to: 1, label: "0" },
 *   { from: 1, to: 0, label: "0" },
 *   { from: 2, to: 2, label: "0" },
 * ]); // [0, 0, 0]
 * ```
 */
export function refine(names: readonly string[], edges: readonly Edge[]): number[] {
  const classOf: number[] = [];
  const classes: Set<number>[] = [];
  const edgesInto: Edge[][] = names.map(() => []);
  for (const edge of edges) edgesInto[edge.to]!.push(edge);
  const add = (nodes: number[]) => {
    for (const node of nodes) classOf[node] = classes.length;
    return classes.push(new Set(nodes)) - 1;
  };
  for (const [, nodes] of groupBy(names.keys(), node => names[node]!)) add(nodes);

  const queue = new Set(classes.keys());
  for (const splitter of queue) {
    queue.delete(splitter);
    const labels = new Map<number, string[]>();
    for (const node of classes[splitter]!) {
      for (const { from, label } of edgesInto[node]!) {
        if (!labels.has(from)) labels.set(from, []);
        labels.get(from)!.push(label);
      }
    }
    const signature = (node: number) => labels.get(node)!.sort().join();
    for (const [from, nodes] of groupBy(labels.keys(), node => classOf[node]!)) {
      split(from, nodes, signature);
    }
  }
  return classOf;

  /** Divides a class by how those of its nodes are referred to that have an edge into the splitter. */
  function split(from: number, nodes: number[], signature: (node: number) => string): void {
    const whole = classes[from]!;
    if (whole.size === 1) return;
    const groups = groupBy(nodes, signature);
    // What stays keeps the class's number: the nodes without such an edge, or else the first group.
    if (nodes.length === whole.size) groups.shift();
    const parts = [from];
    for (const [, group] of groups) {
      for (const node of group) whole.delete(node);
      parts.push(add(group));
    }
    const sizes = parts.map(part => classes[part]!.size);
    const largest = queue.has(from) ? from : parts[sizes.indexOf(Math.max(...sizes))];
    for (const part of parts) if (part !== largest) queue.add(part);
  }
}
