import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fromBase64, toBase64, utf8Length, writeUtf8 } from "../../../src/util/bytes.ts";

afterEach(() => void vi.unstubAllGlobals());

const texts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom("a", "é", "€", "😀", "\ud83d", "\ude00", "\u07ff", "\u0800", "\uffff"))
    .map(all => all.join("")),
);

describe("UTF-8 by hand", () => {
  it("is that of TextEncoder, for any text", () => {
    fc.assert(
      fc.property(texts, text => {
        const expected = new TextEncoder().encode(text);
        const bytes = new Uint8Array(expected.length);
        expect(utf8Length(text)).toBe(expected.length);
        expect(writeUtf8(text, bytes)).toBe(expected.length);
        expect(Buffer.compare(bytes, expected)).toBe(0);
      }),
      { numRuns: 1_000 },
    );
  }, 30_000);

  it("is counted to the limit, and no further than it takes to be above it", () => {
    fc.assert(
      fc.property(texts, fc.nat(30), (text, limit) => {
        const exact = Buffer.byteLength(text);
        if (exact <= limit) expect(utf8Length(text, limit)).toBe(exact);
        else expect(utf8Length(text, limit)).toBeGreaterThan(limit);
      }),
    );
    const charCodeAt = vi.spyOn(String.prototype, "charCodeAt");
    vi.stubGlobal("Buffer", undefined);
    expect(utf8Length("x".repeat(1_000_000), 10)).toBeGreaterThan(10);
    expect(charCodeAt.mock.calls.length).toBe(0);
    expect(utf8Length("€".repeat(1_000), 1_500)).toBeGreaterThan(1_500);
    expect(charCodeAt.mock.calls.length).toBeLessThan(1_000);
    charCodeAt.mockRestore();
  });

  it.each(["x", "é", "€", "😀", "\ud800"])("counts a long text of %j alike with Buffer and without", unit => {
    const text = unit.repeat(5_000);
    const expected = Buffer.byteLength(text);
    expect(utf8Length(text)).toBe(expected);
    vi.stubGlobal("Buffer", undefined);
    expect(utf8Length(text)).toBe(expected);
  });
});

describe.each(["with Buffer", "without Buffer, btoa and atob"])("base64 %s", how => {
  const prepare = () => {
    if (how.startsWith("with ")) return;
    for (const name of ["Buffer", "btoa", "atob"]) vi.stubGlobal(name, undefined);
  };

  it("is that of Node.js, and comes back", () => {
    const samples = [0, 1, 2, 3, 4, 5, 6_143, 6_144, 6_145, 100_000].map(length => {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 3)) % 256);
      return { bytes, expected: Buffer.from(bytes).toString("base64") };
    });
    prepare();
    for (const { bytes, expected } of samples) {
      expect(toBase64(bytes) === expected, `${bytes.length} bytes`).toBe(true);
      const back = fromBase64(expected)!;
      expect(back.length).toBe(bytes.length);
      expect(back.every((byte, i) => byte === bytes[i])).toBe(true);
      expect(back.buffer.byteLength).toBe(bytes.length);
    }
  });

  it.each(["?", "A", "AA", "AAA", "AA=A", "====", "?AAA", "AAA\n", "A\u0100AA", "AAAAA==="])(
    "refuses %j",
    text => {
      prepare();
      expect(fromBase64(text)).toBeUndefined();
    },
  );
});
