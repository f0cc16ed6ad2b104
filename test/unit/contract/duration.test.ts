import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Duration,
  MAX_TTL_MS,
  MIN_TTL_MS,
  parseDuration,
  readDuration,
} from "../../../src/contract/duration.ts";
import { caught } from "../../support/caught.ts";

const parse = (duration: unknown) => parseDuration(duration as Duration);

const UNITS = {
  days: { ms: 86_400_000n, names: ["d", "day", "days"], upTo: 1n },
  hours: { ms: 3_600_000n, names: ["h", "hr", "hrs", "hour", "hours"], upTo: 25n },
  minutes: { ms: 60_000n, names: ["m", "min", "mins", "minute", "minutes"], upTo: 1_500n },
  seconds: { ms: 1_000n, names: ["s", "sec", "secs", "second", "seconds"], upTo: 90_000n },
} as const;
type UnitName = keyof typeof UNITS;
const NAMES = Object.keys(UNITS) as UnitName[];

describe("the forms", () => {
  it.each([
    ["30s", 30_000],
    ["5 minutes", 300_000],
    ["1h30m", 5_400_000],
    ["1.5 h", 5_400_000],
    ["1 day", 86_400_000],
    ["1 DAY", 86_400_000],
    ["  1 h\t30\nMin 5.25  secs ", 5_405_250],
    ["0d0h0m1s", 1_000],
    ["00090s", 90_000],
    [{ value: 5, unit: "minutes" }, 300_000],
    [{ value: 1.5, unit: "hour" }, 5_400_000],
    [{ value: 1, unit: "day" }, 86_400_000],
    [{ value: 2, unit: "seconds" }, 2_000],
    [{ hours: 1, minutes: 30 }, 5_400_000],
    [{ days: 0, hours: 0, minutes: 0, seconds: 1 }, 1_000],
    [{ hours: undefined, minutes: 1 }, 60_000],
    [{ seconds: 1e1 }, 10_000],
    [{ minutes: 1, seconds: 1e-7 }, 60_000],
    [{ milliseconds: 1_000 }, 1_000],
    [{ milliseconds: 86_400_000 }, 86_400_000],
    [{ seconds: 1, milliseconds: 0.5 }, 1_001],
    [{ hours: 1, milliseconds: 250 }, 3_600_250],
    [{ milliseconds: parseDuration("1h30m") }, 5_400_000],
  ])("%j is %i ms", (duration, ms) => {
    expect(parse(duration)).toBe(ms);
  });

  it.each(
    NAMES.flatMap(name => UNITS[name].names.map(spelling => [spelling, Number(UNITS[name].ms)] as const)),
  )("one %s is %i ms, in any case", (spelling, ms) => {
    const cases = [spelling, spelling.toUpperCase(), spelling[0]!.toUpperCase() + spelling.slice(1)];
    for (const each of cases) expect([each, parse(`1${each}`)]).toEqual([each, ms]);
  });
});

describe("the bounds", () => {
  it("are 1 second and 24 hours", () => {
    expect([MIN_TTL_MS, MAX_TTL_MS]).toEqual([1_000, 86_400_000]);
  });

  it.each([
    ["1s", 1_000],
    ["1.001s", 1_001],
    ["86399.999s", 86_399_999],
    ["86400s", 86_400_000],
    ["86400.000s", 86_400_000],
    ["1.000s", 1_000],
    ["24h", 86_400_000],
    ["23h59m60s", 86_400_000],
    ["1.0004999999999999999999s", 1_000],
    ["1.0005s", 1_001],
    ["1.0015s", 1_002],
    ["2.0025s", 2_003],
    [{ seconds: 1.0005 }, 1_001],
    [{ value: 1.001, unit: "seconds" }, 1_001],
    [{ hours: 23, seconds: 3_600 }, 86_400_000],
  ])("%j is within: %i ms", (duration, ms) => {
    expect(parse(duration)).toBe(ms);
  });

  it.each([
    "0s",
    "0.999s",
    "0.9999999999s",
    "86400.001s",
    "86400.00000001s",
    "24h0.0001s",
    "2 days",
    `${"9".repeat(99)}s`,
    { seconds: 0.999 },
    { seconds: 0.9999 },
    { seconds: 86_400.001 },
    { days: 1, seconds: 0.0001 },
    { value: 0, unit: "days" },
    { value: 5e-324, unit: "seconds" },
    { value: 1e308, unit: "days" },
    { value: 1.5e300, unit: "seconds" },
    { days: 1e308, seconds: 0.5 },
    { days: 1e308, hours: 1e308, seconds: 0.5 },
  ])("%j is outside", duration => {
    const error = caught(() => parse(duration), "DURATION_OUT_OF_RANGE");
    expect(error.message).toContain("ttl: expected from 1 s to 24 h (1000 to 86400000 ms); got ");
    expect(error.message).toContain(JSON.stringify(duration).slice(0, 80));
  });

  it("may begin at 0, under another name", () => {
    const bounds = { name: "waitTimeout", minMs: 0 };
    expect(readDuration("0s", bounds)).toBe(0);
    expect(readDuration({ seconds: -0 }, bounds)).toBe(0);
    expect(readDuration("0.0005s", bounds)).toBe(1);
    expect(readDuration("0.0004s", bounds)).toBe(0);
    expect(readDuration("0.999s", bounds)).toBe(999);
    const error = caught(() => readDuration("25h", bounds), "DURATION_OUT_OF_RANGE");
    expect(error.message).toBe('waitTimeout: expected from 0 s to 24 h (0 to 86400000 ms); got "25h"');
  });
});

describe("what is no duration", () => {
  it.each([
    ["", '""'],
    ["   ", '"   "'],
    ["5", '"5"'],
    ["h", '"h"'],
    ["-5s", '"-5s"'],
    ["+5s", '"+5s"'],
    ["1e3s", '(unknown unit "e")'],
    [".5h", '".5h"'],
    ["5.h", '"5.h"'],
    ["1,5h", '"1,5h"'],
    ["5ms", '(unknown unit "ms")'],
    ["5ſ", '"5ſ"'],
    ["5x", '(unknown unit "x")'],
    ["1week", '(unknown unit "week")'],
    ["1h x", '"1h x"'],
    ["1h, 30m", '"1h, 30m"'],
    ["30m1h", "(largest unit first, each unit once)"],
    ["1h1hour", "(largest unit first, each unit once)"],
    ["٥s", '"٥s"'],
    [`${"0".repeat(100)}s5`, "(104 characters)"],
    [5_000, "5000 (a number needs a unit)"],
    [Number.NaN, "NaN (a number needs a unit)"],
    [5n, "5n"],
    [undefined, "undefined"],
    [null, "null"],
    [true, "true"],
    [() => "5s", "a function"],
    [["5s"], "an array of 1"],
    [{}, "no keys"],
    [{ seconds: undefined }, "seconds"],
    [{ seconds: Number.NaN }, "(NaN is not a decimal number of 0 or more)"],
    [{ seconds: Number.POSITIVE_INFINITY }, "(Infinity is not a decimal number of 0 or more)"],
    [{ seconds: -1 }, "(-1 is not a decimal number of 0 or more)"],
    [{ seconds: "5" }, '("5" is not a decimal number of 0 or more)'],
    [{ seconds: 5n }, "(5n is not a decimal number of 0 or more)"],
    [{ seconds: null, minutes: 1 }, "(null is not a decimal number of 0 or more)"],
    [{ second: 5 }, '(unknown unit "second")'],
    [{ toString: 5 }, '(unknown unit "toString")'],
    [{ value: 5 }, "with value"],
    [{ unit: "seconds" }, "with unit (undefined is not a decimal number of 0 or more)"],
    [{ value: 5, unit: "s" }, "value, unit"],
    [{ value: 5, unit: "weeks" }, "value, unit"],
    [{ value: 5_000, unit: "milliseconds" }, "value, unit"],
    [{ value: 5_000, unit: "millisecond" }, "value, unit"],
    [{ millisecond: 5_000 }, '(unknown unit "millisecond")'],
    [{ value: 5, unit: "seconds", hours: 1 }, "value, unit, hours"],
    [{ value: "5", unit: "seconds" }, '("5" is not a decimal number of 0 or more)'],
  ])("%o", (duration, shown) => {
    const error = caught(() => parse(duration), "INVALID_DURATION");
    expect(error.message).toMatch(/^ttl: expected a duration such as "30s".*; got /);
    expect(error.message.endsWith(shown), error.message).toBe(true);
  });

  it("takes time in proportion to the text, whatever the text", () => {
    caught(() => parse("1".repeat(5_000_000)), "INVALID_DURATION");
    caught(() => parse(`${"1s".repeat(5_000_000)}`), "INVALID_DURATION");
    caught(() => parse(`1${" ".repeat(5_000_000)}`), "INVALID_DURATION");
  });
});

describe("digits by the hundred", () => {
  const zeros = "0".repeat(500);
  it.each([
    [`${zeros}90s`, 90_000],
    [`1.${zeros}s`, 1_000],
    [`1.${zeros}1s`, 1_000],
    [`1.0005${zeros}s`, 1_001],
    [`1.0004${"9".repeat(500)}s`, 1_000],
    [`86399.${"9".repeat(500)}s`, 86_400_000],
    [`0.${"3".repeat(500)}h0.${"6".repeat(500)}h`.replace("h0", "d0"), 31_200_000],
    [`23h59m59.999${"9".repeat(5_000)}s`, 86_400_000],
    [`0.${"0".repeat(499)}1d1s`, 1_000],
    [`1.${"0".repeat(5_000_000)}s`, 1_000],
  ])("%# are read to the last", (text, ms) => {
    expect(parse(text)).toBe(ms);
  });

  it.each([
    `86400.${zeros}1s`,
    `0.${"9".repeat(500)}s`,
    `24h0.${zeros}1s`,
    `${"9".repeat(500)}s`,
    `1${zeros}.5d`,
    `1${"0".repeat(5_000_000)}h`,
    // A half of a millisecond from each, and a little more: beyond the bound by their sum alone.
    `23h59m59.999999${"9".repeat(500)}s`.replace("59m59", "60m0"),
  ])("%# are out of range, and said to be", text => {
    const { message } = caught(() => parse(text), "DURATION_OUT_OF_RANGE");
    expect(message).toContain("expected from 1 s to 24 h");
    expect(message).toContain(`"${text.slice(0, 60)}`);
    expect(message).toContain(`(${text.length + 2} characters)`);
  });

  it("name a value in the words of its object, whatever toJSON says", () => {
    Object.defineProperty(Object.prototype, "toJSON", { value: () => "patched", configurable: true });
    try {
      const { message } = caught(() => parse({ value: 2, unit: "days" }), "DURATION_OUT_OF_RANGE");
      expect(message).toContain('got {"value":2,"unit":"days"}');
    } finally {
      Reflect.deleteProperty(Object.prototype, "toJSON");
    }
  });
});

describe("against exact arithmetic", () => {
  /** A decimal as a whole number of billionths, and as it is written. */
  const decimal = (upTo: bigint) =>
    fc
      .record({ whole: fc.bigInt(0n, upTo), fraction: fc.stringMatching(/^\d{0,9}$/) })
      .map(({ whole, fraction }) => ({
        billionths: whole * 1_000_000_000n + BigInt(fraction.padEnd(9, "0")),
        text: fraction === "" ? `${whole}` : `${whole}.${fraction}`,
      }));
  const parts = fc
    .subarray(NAMES, { minLength: 1 })
    .chain(names =>
      fc.tuple(...names.map(name => decimal(UNITS[name].upTo).map(number => ({ name, ...number })))),
    );

  function expectExactly(duration: unknown, given: { name: UnitName; billionths: bigint }[]) {
    const total = given.reduce((sum, { name, billionths }) => sum + billionths * UNITS[name].ms, 0n);
    const [least, most] = [BigInt(MIN_TTL_MS) * 1_000_000_000n, BigInt(MAX_TTL_MS) * 1_000_000_000n];
    if (total < least || total > most) caught(() => parse(duration), "DURATION_OUT_OF_RANGE");
    else expect(parse(duration)).toBe(Number((total + 500_000_000n) / 1_000_000_000n));
  }

  it("texts", () => {
    const style = fc.record({
      pick: fc.nat(),
      upper: fc.boolean(),
      space: fc.constantFrom("", " ", "\t", "\n ", "\u00a0"),
    });
    const text = fc.tuple(parts, fc.array(style, { minLength: 4, maxLength: 4 }));
    fc.assert(
      fc.property(text, ([given, styles]) => {
        const written = given.map(({ name, text }, i) => {
          const { pick, upper, space } = styles[i]!;
          const spelling = UNITS[name].names[pick % UNITS[name].names.length]!;
          return space + text + space + (upper ? spelling.toUpperCase() : spelling) + space;
        });
        expectExactly(written.join(""), given);
      }),
      { numRuns: 1_000 },
    );
  });

  it("objects of units", () => {
    fc.assert(
      fc.property(parts, given => {
        expectExactly(Object.fromEntries(given.map(({ name, text }) => [name, Number(text)])), given);
      }),
      { numRuns: 500 },
    );
  });

  it("a value with its unit", () => {
    const singular = fc.boolean();
    fc.assert(
      fc.property(parts, singular, ([first], one) => {
        const unit = one ? first!.name.slice(0, -1) : first!.name;
        expectExactly({ value: Number(first!.text), unit }, [first!]);
      }),
      { numRuns: 500 },
    );
  });

  it("anything at all is read or refused with a code", () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string({ unit: fc.constantFrom(..."0159.-+e hms d") })), it => {
        try {
          const ms = parse(it);
          expect(Number.isInteger(ms) && ms >= MIN_TTL_MS && ms <= MAX_TTL_MS).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ name: "InvalidDurationError" });
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
