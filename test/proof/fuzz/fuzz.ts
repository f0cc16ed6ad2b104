import fc from "fast-check";

const { FUZZ_RUNS = "3000", FUZZ_SEED } = process.env;

/** How often each property is tried: FUZZ_RUNS=1000000 for once, thousands in every run of the tests. */
const RUNS = Number(FUZZ_RUNS);
/** Gives the same values again. A property that fails prints it, and the path to what it was. */
const SEED = FUZZ_SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(FUZZ_SEED);

/** Long enough for a million runs. */
export const TIMEOUT_MS = 30_000 + RUNS * 5;

/** Tries a property as often as the environment says. */
export function fuzz<T extends unknown[]>(
  arbitraries: { [Index in keyof T]: fc.Arbitrary<T[Index]> },
  property: (...values: T) => void,
): void {
  const all = fc.tuple(...arbitraries) as unknown as fc.Arbitrary<T>;
  fc.assert(
    fc.property(all, values => void property(...values)),
    { numRuns: RUNS, seed: SEED },
  );
}

/** Names by which texts try to reach a prototype. */
export const NASTY = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "toJSON",
  "valueOf",
  "hasOwnProperty",
];

/** Changes to a text as a broken disk, a foreign writer or an attacker makes them. */
const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  drop: fc.nat(6),
  put: fc.oneof(
    fc.string({ maxLength: 4, unit: "binary" }),
    fc.constantFrom(...NASTY, ...'0123456789-[]{},:"\\~\n', "null", "-1", "1e999", "\\u0000", "__proto__"),
    fc.constant(""),
  ),
});

/** A text with a few changes, or cut short. */
export const damaged = (texts: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(texts, fc.array(change, { minLength: 1, maxLength: 4 })).map(([text, changes]) =>
    changes.reduce((changed, { at, drop, put }) => {
      const from = Math.floor(at * (changed.length + 1));
      return changed.slice(0, from) + put + changed.slice(from + drop);
    }, text),
  );

const PROTOTYPES = [
  Object.prototype,
  Array.prototype,
  Map.prototype,
  Set.prototype,
  String.prototype,
  Function.prototype,
];
const shape = () => PROTOTYPES.map(prototype => Reflect.ownKeys(prototype).map(String).join()).join("\n");
const before = shape();

/** Throws where something was added to, or taken from, a prototype that all share. */
export function expectPrototypesUntouched(): void {
  if (shape() !== before) throw new Error("a prototype has changed");
}
