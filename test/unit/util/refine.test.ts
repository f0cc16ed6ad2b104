import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Edge, refine } from "../../../src/util/refine.ts";

const SIZE = 8;
const graph = fc.record({
  names: fc.array(fc.constantFrom("a", "b"), { minLength: SIZE, maxLength: SIZE }),
  edges: fc.array(
    fc.record({ from: fc.nat(SIZE - 1), to: fc.nat(SIZE - 1), label: fc.constantFrom("", "x", "10", "9") }),
    { maxLength: 20 },
  ),
});

/** The same by the definition: told apart round by round. */
function naive(names: string[], edges: Edge[]): number[] {
  let classes = names.map(name => names.indexOf(name));
  for (let round = 0; round < names.length; round += 1) {
    const texts = names.map((_, node) => {
      const out = edges.filter(({ from }) => from === node);
      return JSON.stringify([
        classes[node],
        out.map(({ label, to }) => [label, classes[to]].join(">")).sort(),
      ]);
    });
    classes = texts.map(text => texts.indexOf(text));
  }
  return classes;
}

const pairs = (classes: number[]) => classes.map(of => classes.indexOf(of));

describe("the classes of a graph's nodes", () => {
  it("are the coarsest that its names and edges allow", () => {
    fc.assert(
      fc.property(graph, ({ names, edges }) => {
        expect(pairs(refine(names, edges))).toEqual(pairs(naive(names, edges)));
      }),
      { numRuns: 2_000 },
    );
  }, 30_000);

  it("have numbers that do not depend on the nodes', if each node is a class", () => {
    const order = fc.shuffledSubarray([...Array(SIZE).keys()], { minLength: SIZE });
    fc.assert(
      fc.property(graph, order, ({ names, edges }, numbers) => {
        const classes = refine(names, edges);
        fc.pre(new Set(classes).size === SIZE);
        const moved: string[] = [];
        for (const [node, to] of numbers.entries()) moved[to] = names[node]!;
        const movedEdges = edges.map(({ from, to, label }) => ({
          from: numbers[from]!,
          to: numbers[to]!,
          label,
        }));
        const movedClasses = refine(moved, movedEdges.reverse());
        expect(numbers.map(to => movedClasses[to])).toEqual(classes);
      }),
      { numRuns: 2_000 },
    );
  }, 30_000);

  it("of a long ring with a mark take no square of its length", () => {
    const edgesOf = (size: number) =>
      Array.from({ length: size }, (_, from) => ({ from, to: (from + 1) % size, label: "" }));
    const steps = (size: number) => {
      let looks = 0;
      const edges = edgesOf(size).map(edge => ({
        ...edge,
        get from() {
          looks += 1;
          return edge.from;
        },
      }));
      const names = edges.map((_, node) => (node === 0 ? "marked" : ""));
      expect(new Set(refine(names, edges)).size).toBe(size);
      return looks;
    };
    expect(steps(20_000) / steps(2_000)).toBeLessThan(20);
  }, 30_000);
});
