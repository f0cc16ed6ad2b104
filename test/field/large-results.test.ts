import { describe, expect, it } from "vitest";
import { decodeOutcome, encodeResult } from "../../src/results/outcome-text.ts";

const encode = (value: unknown) => encodeResult(value, undefined);
const decode = (text: string) => decodeOutcome(text, undefined, "k");

function through(value: unknown): unknown {
  const { text, failure } = encode(value);
  expect(failure).toBeUndefined();
  return decode(text);
}

/** The least time of each of some acts, which take turns. */
function leastOf(rounds: number, ...acts: (() => unknown)[]): number[] {
  const least = acts.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, act] of acts.entries()) {
      const began = performance.now();
      act();
      least[i] = Math.min(least[i]!, performance.now() - began);
    }
  }
  return least;
}

describe("a result of megabytes (section 9)", () => {
  // A bound that no machine's mood reaches: text made byte by byte takes 200 times as long. The benchmark has the figure.
  it("as bytes takes time in proportion to them, to store and to read", () => {
    const pdf = Buffer.alloc(24_000_000, 7);
    const { text } = encode(pdf);
    const [plain, stored, read] = leastOf(
      7,
      () => pdf.toString("base64"),
      () => encode(pdf),
      () => decode(text),
    ) as [number, number, number];
    expect(stored / plain).toBeLessThan(30);
    expect(read / plain).toBeLessThan(30);
    expect(text.length).toBeLessThan(pdf.length * 1.34);
  }, 60_000);

  it("as 110 MB of bytes does not end the process, and comes back", async () => {
    const { text, failure } = encode(Buffer.alloc(110_000_000, 7));
    expect(failure).toBeUndefined();
    const back = decode(text) as Buffer;
    expect([Buffer.isBuffer(back), back.length, back[0], back.at(-1)]).toEqual([true, 110_000_000, 7, 7]);
  }, 60_000);

  it.each([
    ["whole", 0],
    ["one of them not a number", Number.NaN],
    ["one of them undefined", undefined],
  ])(
    "as five million numbers comes back: %s",
    (_, odd) => {
      const numbers: unknown[] = Array.from({ length: 5_000_000 }, (_, i) => i);
      numbers[1_000] = odd;
      const back = through(numbers) as unknown[];
      expect(back.length).toBe(numbers.length);
      expect(back.every((value, i) => Object.is(value, numbers[i]))).toBe(true);
    },
    120_000,
  );

  it("as a million and more objects is JSON, as that of a few is", () => {
    const rows = Array.from({ length: 1_100_000 }, (_, i) => ({ i }));
    expect(encode(rows).text === JSON.stringify(rows)).toBe(true);
  }, 60_000);

  it.each<[string, (inner: unknown) => unknown, (outer: never) => unknown]>([
    ["arrays", inner => [inner], (outer: unknown[]) => outer[0]],
    ["objects", inner => ({ in: inner, none: undefined }), (outer: { in?: unknown }) => outer.in],
    ["maps", inner => new Map([["in", inner]]), (outer: Map<string, unknown>) => outer.get("in")],
  ])(
    "as 200,000 levels of %s comes back",
    (_, wrap, open) => {
      let value: unknown = "within";
      for (let i = 0; i < 200_000; i += 1) value = wrap(value);
      let depth = 0;
      let back = through(value);
      for (; typeof back === "object"; back = open(back as never)) depth += 1;
      expect([depth, back]).toEqual([200_000, "within"]);
    },
    60_000,
  );
});
