import fc from "fast-check";
import { expect, it } from "vitest";
import { type Duration, MAX_TTL_MS, MIN_TTL_MS, parseDuration } from "../../../src/contract/duration.ts";
import { isIdempotencyError } from "../../../src/contract/errors.ts";
import { damaged, expectPrototypesUntouched, fuzz, NASTY, TIMEOUT_MS } from "./fuzz.ts";

/** What comes of a duration: milliseconds, or the code of the error. Anything else is thrown on. */
function outcome(duration: unknown): number | string {
  try {
    return parseDuration(duration as Duration);
  } catch (error) {
    if (isIdempotencyError(error, "INVALID_DURATION") || isIdempotencyError(error, "DURATION_OUT_OF_RANGE")) {
      return error.code;
    }
    throw error;
  }
}

const UNITS = [
  ["d", 86_400_000n],
  ["h", 3_600_000n],
  ["m", 60_000n],
  ["s", 1_000n],
] as const;

const decimal = fc.stringMatching(/^[0-9]{1,7}(\.[0-9]{1,12})?$/);
const parts = fc.tuple(decimal, decimal, decimal, decimal, fc.integer({ min: 1, max: 15 }));
const text = parts.map(([d, h, m, s, which]) =>
  UNITS.map(([unit], index) => ((which >> index) & 1 ? `${[d, h, m, s][index]}${unit}` : "")).join(""),
);

/** The value in units of 10^-12 ms, worked out apart from the package: no float takes part. */
function exact(duration: string): bigint {
  return [...duration.matchAll(/(\d+)(?:\.(\d+))?([dhms])/g)].reduce(
    (sum, [, whole, fraction = "", unit]) => {
      const unitMs = UNITS.find(([name]) => name === unit)![1];
      return sum + BigInt(whole! + fraction.padEnd(12, "0")) * unitMs;
    },
    0n,
  );
}

const ONE_MS = 10n ** 12n;

it(
  "a duration is its exact value, rounded half away from zero, or out of range",
  () => {
    fuzz([text], duration => {
      const value = exact(duration);
      const isWithin = value >= BigInt(MIN_TTL_MS) * ONE_MS && value <= BigInt(MAX_TTL_MS) * ONE_MS;
      const expected = isWithin ? Number((value * 2n + ONE_MS) / (2n * ONE_MS)) : "DURATION_OUT_OF_RANGE";
      expect(outcome(duration)).toBe(expected);
    });
  },
  TIMEOUT_MS,
);

const whatever = fc.oneof(
  fc.anything(),
  damaged(text),
  fc.dictionary(
    fc.constantFrom("days", "hours", "minutes", "seconds", "value", "unit", ...NASTY),
    fc.anything(),
  ),
  fc.double().map(seconds => ({ seconds })),
);

it(
  "anything else is whole milliseconds within the bounds, or a typed error",
  () => {
    fuzz([whatever], duration => {
      const came = outcome(duration);
      if (typeof came === "number") {
        expect(Number.isInteger(came) && came >= MIN_TTL_MS && came <= MAX_TTL_MS).toBe(true);
      }
      expectPrototypesUntouched();
    });
  },
  TIMEOUT_MS,
);
