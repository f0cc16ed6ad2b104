import fc from "fast-check";
import { expect, it } from "vitest";
import { originalText, storableText } from "../../src/stores/record.ts";
import { damaged, fuzz, TIMEOUT_MS } from "./fuzz.ts";

// What stores change: NUL, halves of surrogate pairs, and the mark that stands for them.
const units = fc.constantFrom("a", "0", "\0", "\u0010", "\ud83d", "\ude00", "\n", "\u0010d83d", "0000");
const text = fc.oneof(
  fc.string({ unit: units, maxLength: 12 }),
  fc.string({ unit: fc.nat(0xffff).map(code => String.fromCharCode(code)), maxLength: 20 }),
);

it(
  "a text comes back to the letter from what a store can keep",
  () => {
    fuzz([text], given => {
      const kept = storableText(given);
      expect(kept.isWellFormed() && !kept.includes("\0")).toBe(true);
      expect(originalText(kept)).toBe(given);
      expect(Buffer.from(kept, "utf8").toString("utf8")).toBe(kept);
    });
  },
  TIMEOUT_MS,
);

it(
  "different texts stay different",
  () => {
    fuzz([text, text], (one, two) => expect(storableText(one) === storableText(two)).toBe(one === two));
  },
  TIMEOUT_MS,
);

it(
  "a text that somebody else wrote is read without an error",
  () => {
    fuzz([damaged(text.map(storableText))], kept => expect(typeof originalText(kept)).toBe("string"));
  },
  TIMEOUT_MS,
);
