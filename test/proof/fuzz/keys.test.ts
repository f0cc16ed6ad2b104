import fc from "fast-check";
import { expect, it } from "vitest";
import { isIdempotencyError } from "../../../src/contract/errors.ts";
import { type Key, keyText, storeKey } from "../../../src/contract/key.ts";
import { expectPrototypesUntouched, fuzz, NASTY, TIMEOUT_MS } from "./fuzz.ts";

// Few letters, so that what could be taken for one another comes up.
const tight = fc.string({ unit: fc.constantFrom("a", ":", "\\", " ", "\0"), minLength: 1, maxLength: 5 });
const wide = fc.string({ unit: "binary", minLength: 1, maxLength: 400 });
const part = fc.oneof(tight, tight, wide, fc.constantFrom(...NASTY));
const parts = fc.array(part, { minLength: 1, maxLength: 4 });

/** The text of a key, or undefined where it is refused as it should be. */
function textOf(key: unknown): string | undefined {
  try {
    return keyText(key as Key);
  } catch (error) {
    if (isIdempotencyError(error, "INVALID_KEY")) return undefined;
    throw error;
  }
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

it(
  "different arrays never give the same key",
  () => {
    fuzz([parts, parts], (a, b) => {
      const [one, two] = [textOf(a), textOf(b)];
      if (one !== undefined && two !== undefined) expect(one === two).toBe(same(a, b));
    });
  },
  TIMEOUT_MS,
);

const namespace = fc.option(fc.oneof(tight, wide), { nil: undefined });

it(
  "different namespaces or keys never give the same place, and no place is long or ill-formed",
  () => {
    fuzz([namespace, fc.oneof(tight, wide), namespace, fc.oneof(tight, wide)], (a, x, b, y) => {
      const texts = [textOf(x), textOf(y)];
      const isFit = [a, b].every(name => name === undefined || (name.trim() !== "" && name.isWellFormed()));
      if (!isFit || texts.includes(undefined)) return;
      const [one, two] = [storeKey(a, x), storeKey(b, y)];
      expect(one === two).toBe(a === b && x === y);
      expect(one.length <= 300 && one.isWellFormed()).toBe(true);
    });
  },
  TIMEOUT_MS,
);

it(
  "anything is a key or INVALID_KEY, and a text is taken to the letter",
  () => {
    fuzz([fc.oneof(fc.anything(), wide, fc.array(fc.anything(), { maxLength: 3 }))], key => {
      const text = textOf(key);
      if (typeof key === "string" && text !== undefined) expect(text).toBe(key);
      expectPrototypesUntouched();
    });
  },
  TIMEOUT_MS,
);
