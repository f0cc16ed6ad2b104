import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import { isIdempotencyError } from "../../../src/contract/errors.ts";
import { fingerprint } from "../../../src/contract/fingerprint.ts";
import { plainData } from "../../support/plain-data.ts";
import { expectPrototypesUntouched, fuzz, NASTY, TIMEOUT_MS } from "./fuzz.ts";

// Small, so that near misses come up; without what compares as equal though it is another order.
const leaf = fc.constantFrom<unknown>(
  0,
  1,
  "0",
  "1",
  "",
  null,
  undefined,
  true,
  "true",
  0n,
  1n,
  Number.NaN,
  "[]",
  "{}",
);
const { tree } = fc.letrec<{ tree: unknown }>(tie => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    leaf,
    leaf,
    fc.array(tie("tree"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("a", "b", ...NASTY), tie("tree"), { maxKeys: 2, noNullPrototype: true }),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(3) }),
  ),
}));

it(
  "is the same exactly where the data is",
  () => {
    fuzz([tree, tree], (a, b) => expect(fingerprint(a) === fingerprint(b)).toBe(isDeepStrictEqual(a, b)));
  },
  TIMEOUT_MS,
);

/** The same data with the keys of its objects the other way round. */
function reversed(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(reversed);
  if (typeof data !== "object" || data === null || data instanceof Date) return data;
  const entries = Object.entries(data).map(([key, value]) => [key, reversed(value)] as const);
  const turned = {};
  for (const [key, value] of entries.reverse()) {
    Object.defineProperty(turned, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return turned;
}

it(
  "does not depend on the order of keys",
  () => {
    fuzz([tree], data => expect(fingerprint(reversed(data))).toBe(fingerprint(data)));
  },
  TIMEOUT_MS,
);

it(
  "is short text for any data, or INVALID_OPTION",
  () => {
    fuzz(
      [
        fc.oneof(
          plainData(),
          fc.anything(),
          fc.func(fc.nat()),
          fc.object({ key: fc.constantFrom(...NASTY) }),
        ),
      ],
      data => {
        try {
          expect(fingerprint(data)).toMatch(/^[\w-]{22}$/);
        } catch (error) {
          if (!isIdempotencyError(error, "INVALID_OPTION")) throw error;
        }
        expectPrototypesUntouched();
      },
    );
  },
  TIMEOUT_MS,
);
