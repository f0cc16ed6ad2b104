import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_OUTCOME_BYTES, outcomeAttribute, readOutcome } from "../../../../src/stores/dynamodb/outcome.ts";
import { utf8Length } from "../../../../src/util/bytes.ts";

const bytesIn = ({ S, B }: { S?: string; B?: Uint8Array }) => B?.length ?? Buffer.byteLength(S ?? "");

describe("an outcome as an attribute (S9)", () => {
  it.each(["", "sent", '{"id":7}', "é 😀 \u{10ffff} \ufffd", "\u0010000"])(
    "is text that people can read: %j",
    text => {
      expect(outcomeAttribute(text)).toEqual({ S: text });
    },
  );

  it.each([
    "a\0b",
    "cut \ud83d",
    "\udc4d cut",
    "\udc4d\ud83d",
    "\ud800\ud800\udc00\udfff",
    "é\ud83d😀\udc4d\0",
  ])("is bytes, and comes back to the letter: %j", text => {
    const kept = outcomeAttribute(text);
    expect(kept.B).toBeInstanceOf(Uint8Array);
    expect(readOutcome(kept)).toBe(text);
  });

  it("comes back to the letter, in no more bytes than it is counted as, whatever its code units", () => {
    const units = fc.array(
      fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0xd83d, 0xdc4d, 0xd800, 0xdfff)),
    );
    fc.assert(
      fc.property(units, codes => {
        const text = String.fromCharCode(...codes);
        const kept = outcomeAttribute(text);
        expect(readOutcome(kept)).toBe(text);
        expect(bytesIn(kept)).toBe(utf8Length(text));
      }),
    );
  });

  it("may be read from a view on a larger buffer", () => {
    const { B } = outcomeAttribute("a\0b");
    const whole = new Uint8Array([9, 9, ...(B as Uint8Array), 9]);
    expect(readOutcome({ B: whole.subarray(2, 5) })).toBe("a\0b");
  });

  it.each([undefined, {}, { N: "1" }])("that is neither text nor bytes is unreadable: %j", value => {
    expect(() => readOutcome(value)).toThrow("its outcome is neither text nor bytes");
  });

  it("leaves room for a record beside the largest one", () => {
    expect(400 * 1_024 - MAX_OUTCOME_BYTES).toBeGreaterThan(2_048 + 2_000);
  });
});
