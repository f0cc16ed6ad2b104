import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical } from "../../../src/util/canonical.ts";
import { isSameData } from "../../support/same-data.ts";

const ring = (length: number, mark?: unknown) => {
  const all = Array.from({ length }, () => ({}) as { next?: object; mark?: unknown });
  for (const [i, one] of all.entries()) one.next = all[(i + 1) % length]!;
  if (mark !== undefined) all.at(-1)!.mark = mark;
  return all[0]!;
};

/** Containers of all kinds, few enough kinds and leaves for near misses. */
const SIZE = 6;
const plans = fc.array(
  fc.record({
    kind: fc.constantFrom("object", "array", "set", "map"),
    leaf: fc.constantFrom<unknown>(1, 1, 1, "1"),
    links: fc.array(fc.nat(SIZE - 1), { maxLength: 2 }),
  }),
  { minLength: SIZE, maxLength: SIZE },
);
const graphs = plans.map(all => {
  const made = all.map(({ kind }): unknown => {
    if (kind === "set") return new Set();
    if (kind === "map") return new Map();
    return kind === "array" ? [] : {};
  });
  for (const [i, { leaf, links }] of all.entries()) {
    const into = made[i];
    for (const [at, link] of links.entries()) {
      const child = made[link];
      if (into instanceof Set) into.add(child);
      else if (into instanceof Map) at === 0 ? into.set(leaf, child) : into.set(child, leaf);
      else if (Array.isArray(into)) into.push(child);
      else Object.assign(into as object, { [`link${at}`]: child });
    }
    if (Array.isArray(into)) into.push(leaf);
  }
  return made;
});

describe("a text for data with cycles", () => {
  it("is the same exactly where the data looks the same, however deep", () => {
    fc.assert(
      fc.property(graphs, all => {
        for (const a of all) {
          // Not held against Node's isDeepStrictEqual, which takes some sets for equal that differ beyond a cycle, and
          // cycles of other lengths for different.
          expect(canonical(a) === canonical(all[0])).toBe(isSameData(a, all[0]));
        }
      }),
      { numRuns: 1_500 },
    );
  }, 60_000);

  it("is that of a copy", () => {
    fc.assert(
      fc.property(graphs, ([root]) => {
        expect(canonical(structuredClone(root))).toBe(canonical(root));
      }),
    );
  });

  it("does not depend on how long it takes a cycle to close, nor on where it is entered", () => {
    for (const length of [2, 3, 12]) expect(canonical(ring(length))).toBe(canonical(ring(1)));
    expect(canonical({ next: ring(3) })).toBe(canonical(ring(1)));
    expect(canonical([ring(2), ring(3)])).toBe(canonical([ring(1), ring(1)]));
    expect(canonical(ring(2, "m"))).not.toBe(canonical(ring(3, "m")));
    expect(canonical(ring(2, 1))).not.toBe(canonical(ring(2, "1")));
  });

  it("counts the members of a Set", () => {
    expect(canonical(new Set([ring(1), ring(2)]))).not.toBe(canonical(new Set([ring(1)])));
    expect(canonical(new Set([ring(1), ring(2)]))).toBe(canonical(new Set([ring(3), ring(1)])));
  });
});

describe("a text for data that is too much for a plain text", () => {
  const wide = (of: unknown) => Array.from({ length: 20_000 }, (_, i) => (i % 100 === 0 ? of : i));

  it("is the same whether parts are shared or written again", () => {
    const shared = { a: [1, "x".repeat(100)] };
    expect(canonical(wide(shared))).toBe(
      canonical(Array.from({ length: 20_000 }, (_, i) => (i % 100 === 0 ? structuredClone(shared) : i))),
    );
    expect(canonical(wide(shared))).not.toBe(canonical(wide({ a: [1, "y".repeat(100)] })));
  });

  it("does not depend on the order of keys, entries and members", () => {
    const entries = Array.from({ length: 4_000 }, (_, i): [string, unknown] => [
      `k${i}`,
      { i, s: "s".repeat(70) },
    ]);
    const turned = entries.toReversed();
    expect(canonical(Object.fromEntries(entries))).toBe(canonical(Object.fromEntries(turned)));
    expect(canonical(new Map(entries))).toBe(canonical(new Map(turned)));
    expect(canonical(new Set(entries))).toBe(canonical(new Set(turned)));
    expect(canonical(new Map(entries))).not.toBe(canonical(new Set(entries)));
  }, 30_000);

  it("keeps long holes apart", () => {
    const one = Object.assign(new Array(4_000_000_000), { 5: 1 });
    const other = Object.assign(new Array(4_000_000_000), { 6: 1 });
    expect(canonical(one)).toBe(canonical(Object.assign(new Array(4_000_000_000), { 5: 1 })));
    expect(
      new Set([one, other, new Array(4_000_000_000), new Array(3_000_000_000)].map(canonical)).size,
    ).toBe(4);
  });

  it("is of any depth", () => {
    const nested = (depth: number, data: unknown = []) => {
      let value = data;
      for (let i = 0; i < depth; i += 1) value = i % 2 === 0 ? [value] : { in: value };
      return value;
    };
    for (const depth of [99, 100, 101, 102, 2_500, 50_000]) {
      const text = canonical(nested(depth));
      expect(canonical(nested(depth))).toBe(text);
      expect(canonical(nested(depth + 2))).not.toBe(text);
      expect(canonical(nested(depth, {}))).not.toBe(text);
    }
  }, 60_000);

  it("takes 1,000 objects that share as it takes 1,000 objects", () => {
    let shared: unknown[] = [];
    for (let i = 0; i < 1_000; i += 1) shared = [shared, shared];
    const began = performance.now();
    canonical(shared);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
