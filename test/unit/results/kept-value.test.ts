import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { type Kept, keptValue } from "../../../src/results/kept-value.ts";
import { caught } from "../../support/caught.ts";

const KEY = "order:42";
const read = (kept: Kept, mayKeep = true) => keptValue(kept, undefined, KEY, mayKeep);

/** The outcome that stands there after a replay. */
function afterReplay(outcome: string, mayKeep = true) {
  const kept: Kept = { outcome };
  read(kept, mayKeep);
  return kept.outcome;
}

/** JSON of an object of so many characters. */
const ofLength = (length: number) => JSON.stringify({ a: "x".repeat(length - 8) });

describe("an outcome that is replayed", () => {
  it.each(['{"id":"m1"}', "[1,2]", "{}", "[]", ofLength(1_000)])("is kept as what it says: %s", text => {
    expect(afterReplay(text)).toEqual(JSON.parse(text));
  });

  it.each([
    '"sent"',
    "5\n",
    "true",
    "null",
    "~1g-1\n",
    '~1g[["map","a",1]]\n',
    ofLength(1_001),
    // A copy would have it as its prototype.
    '{"__proto__":{"a":1}}',
    '[{"a":"__proto__"}]',
  ])("is kept as its text: %s", text => {
    expect(afterReplay(text)).toBe(text);
  });

  it("is kept as its text where nobody says that it may be anything else", () => {
    expect(afterReplay('{"id":"m1"}', false)).toBe('{"id":"m1"}');
  });

  it("gives each caller a value of its own, all the way down", () => {
    const text = '{"a":[{"b":{}},null],"c":{"d":[]}}';
    const kept: Kept = { outcome: text };
    // biome-ignore lint/suspicious/noExplicitAny: it is changed wherever it can be.
    const spoil = (value: any) => {
      value.a[0].b.spoilt = value.a[0].spoilt = value.c.d[0] = value.c.spoilt = value.spoilt = true;
      value.a.push("spoilt");
    };
    for (let replays = 0; replays < 3; replays += 1) {
      const value = read(kept);
      expect(value).toEqual(JSON.parse(text));
      spoil(value);
    }
  });

  it("is what JSON says of it, each time", () => {
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (text, mayKeep) => {
        // A number ends in a line feed, and -0 is no JSON that this package writes.
        const outcome = typeof JSON.parse(text) === "number" ? `${text}\n` : text;
        const kept: Kept = { outcome };
        const values = [read(kept, mayKeep), read(kept, mayKeep), read(kept, mayKeep)];
        for (const value of values) expect(value).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });

  it("is read once, and copied from then on", () => {
    const parse = vi.spyOn(JSON, "parse");
    const kept: Kept = { outcome: '{"id":"m1"}' };
    for (let replays = 0; replays < 3; replays += 1) read(kept);
    expect(parse).toHaveBeenCalledTimes(1);
    parse.mockRestore();
  });

  it("copies nothing that is inherited, where somebody has put that on a prototype", () => {
    const kept: Kept = { outcome: '{"a":{"b":1}}' };
    read(kept);
    const inherited = { value: { of: "all objects" }, configurable: true, enumerable: true };
    Object.defineProperty(Object.prototype, "c", inherited);
    let value: object;
    try {
      value = read(kept) as object;
    } finally {
      Reflect.deleteProperty(Object.prototype, "c");
    }
    expect(value).toEqual({ a: { b: 1 } });
    expect(Object.keys(value)).toEqual(["a"]);
  });

  it("is refused as its text is", () => {
    const kept: Kept = { outcome: '{"id":' };
    expect(caught(() => read(kept), "RESULT_UNAVAILABLE").key).toBe(KEY);
    expect(kept.outcome).toBe('{"id":');
  });
});
