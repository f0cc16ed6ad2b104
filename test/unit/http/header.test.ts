import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseKey } from "../../../src/http/header.ts";

describe("a String (RFC 9651, section 3.3.3)", () => {
  it.each([
    ['"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ['  "k"  ', "k"],
    ['"a b"', "a b"],
    ['" k "', " k "],
    [String.raw`"a\"b\\c"`, String.raw`a"b\c`],
    ['"a,b;c=d"', "a,b;c=d"],
  ])("%s is its text", (header, key) => {
    expect(parseKey(header)).toBe(key);
  });

  it.each([
    ";a",
    ";a=1",
    "; a=-1.5",
    ';a="x;y, \\" z"',
    ";a=tok/en:*",
    ";a=:AQI=:",
    ";a=?1",
    ";a=@1700000000",
    ';a=%"f%c3%bc"',
    ";*a.b_c-d;e=1;  f",
  ])("with the parameters %s is the same", parameters => {
    expect(parseKey(`"k"${parameters}`)).toBe("k");
  });

  it.each([
    '"k',
    'k"',
    '"k""',
    '"k"x',
    '"k" x',
    '"k", "k"',
    '"k","l"',
    '"k";',
    '"k";A=1',
    '"k";1a',
    '"k" ;a',
    '"k";a=',
    '"k";a=é',
    '"k";a="x',
    '"k";a=1234567890123456',
    String.raw`"a\b"`,
    String.raw`"a\"`,
    '"é"',
    '"a\tb"',
    '"\x7f"',
    '""',
    '"  "',
  ])("%s is none", header => {
    expect(parseKey(header)).toBeUndefined();
  });

  it("is read back, whatever it says (property)", () => {
    const text = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map(code => String.fromCharCode(code)),
    });
    fc.assert(
      fc.property(text, fc.constantFrom("", ";a", ';b="\\"";c=1'), (key, parameters) => {
        const header = `"${key.replace(/["\\]/g, "\\$&")}"${parameters}`;
        expect(parseKey(header)).toBe(key.trim() === "" ? undefined : key);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("bare text", () => {
  it.each(["8e03978e-40d5-43e8-bc93-6894a57f9324", "a/b+c==", ":YQ==:", "?1", "42", "'k'", "a\\b", "{x}"])(
    "%s is taken to the letter",
    header => {
      expect(parseKey(header)).toBe(header);
      expect(parseKey(` ${header} `)).toBe(header);
    },
  );

  it.each(["", "   ", "a, b", "a,b", "a b", "a;b=1", 'a"b', "é", "a\tb", "a\u0000"])("%j is none", header => {
    expect(parseKey(header)).toBeUndefined();
  });

  it("is any visible ASCII but a quote, a comma and a semicolon (property)", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x2ff }), code => {
        const character = String.fromCharCode(code);
        const isTaken = code > 0x20 && code < 0x7f && !'",;'.includes(character);
        expect(parseKey(`k${character}`)).toBe(isTaken ? `k${character}` : code === 0x20 ? "k" : undefined);
      }),
      { numRuns: 2_000 },
    );
  });
});

it("a key has no limit, and takes time in proportion to it", () => {
  const long = "k".repeat(1_000_000);
  expect(parseKey(`"${long}"`)).toBe(long);
  expect(parseKey(long)).toBe(long);
  for (const hostile of [
    `"${"\\".repeat(100_000)}`,
    `"k"${";a=1".repeat(20_000)};`,
    `"k"${" ".repeat(100_000)}x`,
  ]) {
    expect(parseKey(hostile)).toBeUndefined();
  }
});
