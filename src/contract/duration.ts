import { describe } from "../util/describe.ts";
import { InvalidDurationError } from "./errors.ts";

type Seconds = "s" | "sec" | "secs" | "second" | "seconds";
type Minutes = "m" | "min" | "mins" | "minute" | "minutes";
type Hours = "h" | "hr" | "hrs" | "hour" | "hours";
type Days = "d" | "day" | "days";
type AnyCase<Name extends string> = Name | Capitalize<Name> | Uppercase<Name>;

/**
 * A duration as text, such as `"30s"`, `"5 minutes"`, `"1h30m"`, `"1.5 h"` or `"1 day"`: one or more
 * `<decimal><unit>` pairs, largest unit first, each unit once, in upper or lower case, with optional white space.
 *
 * The type rejects obvious mistakes (`"5"`, `"5x"`, `"30m 1h"`) at compile time. {@link parseDuration} checks the
 * rest at run time.
 */
export type DurationString =
  | `${number}${AnyCase<Days | Hours | Minutes | Seconds>}`
  | `${number}${Days}${number}${Hours | Minutes | Seconds}`
  | `${number}${Hours}${number}${Minutes | Seconds}`
  | `${number}${Minutes}${number}${Seconds}`
  // With three or more parts, only the first and the last are checked. All names of all parts would be four times
  // as many types, and a compiler needs seconds to compare them with each other.
  | `${number}${Days}${number}${string}${Minutes | Seconds}`
  | `${number}${Hours}${number}${string}${Seconds}`;

/** The name of a unit of time. */
export type Unit = "second" | "seconds" | "minute" | "minutes" | "hour" | "hours" | "day" | "days";

/** A length of time: a string, a value with its unit, or an object with units. */
export type Duration =
  | DurationString
  | { value: number; unit: Unit }
  | { days?: number; hours?: number; minutes?: number; seconds?: number; milliseconds?: number };

/** The shortest `ttl`: 1 second, in milliseconds. */
export const MIN_TTL_MS = 1_000;
/** The longest `ttl`: 24 hours, in milliseconds. */
export const MAX_TTL_MS = 86_400_000;

const OBJECT_UNITS = ["days", "hours", "minutes", "seconds", "milliseconds"];
const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1_000, 1];
const UNIT = /^(?:(d|days?)|(h|hrs?|hours?)|(m|mins?|minutes?)|(s|secs?|seconds?))$/i;

const PART = /\s*(\d+)(?:\.(\d+))?\s*([a-z]+)\s*/iy;
const DECIMAL = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;
const EXPECTED =
  'a duration such as "30s", "5 minutes" or "1h30m", { value: 5, unit: "minutes" } or { hours: 1, minutes: 30 }';

/** The bounds of a duration, and the name under which a message speaks of it. */
export interface DurationBounds {
  name: string;
  minMs: number;
}

function invalid(name: string, why: string, got: unknown): never {
  throw new InvalidDurationError(
    "INVALID_DURATION",
    `${name}: expected ${EXPECTED}; got ${describe(got)}${why === "" ? "" : ` (${why})`}`,
  );
}

/**
 * An exact number of milliseconds: whole ones, and seven more decimals in each place after them. No float holds
 * `1.0005s`, which is exactly a half, and arithmetic of hundreds of decimals takes no more than time in proportion.
 */
type Exact = number[];

const DECIMALS = 7;
const CARRY = 1e7;

/** Adds a decimal number of a unit. More whole digits than a number holds are out of any range. */
function add(total: Exact, whole: string, fraction: string, unitMs: number): void {
  total[0] = (total[0] ?? 0) + Number(whole) * unitMs;
  for (let i = 1, at = 0; at < fraction.length; i++, at += DECIMALS) {
    total[i] = (total[i] ?? 0) + Number(fraction.slice(at, at + DECIMALS).padEnd(DECIMALS, "0")) * unitMs;
  }
}

/** Checks the exact value (section 5), then rounds half away from zero. */
function bounded(total: Exact, { name, minMs }: DurationBounds, got: unknown): number {
  for (let i = total.length - 1; i > 0; i--) {
    total[i - 1]! += Math.floor(total[i]! / CARRY);
    total[i]! %= CARRY;
  }
  const [ms, ...rest] = total as [number, ...number[]];
  if (ms < minMs || ms > MAX_TTL_MS || (ms === MAX_TTL_MS && rest.some(digits => digits > 0))) {
    outOfRange(name, minMs, got);
  }
  return rest[0]! * 2 >= CARRY ? ms + 1 : ms;
}

function outOfRange(name: string, minMs: number, got: unknown): never {
  const shown =
    typeof got === "string"
      ? describe(got)
      : `{${Object.entries(got as object).map(([unit, value]) => `"${unit}":${describe(value)}`)}}`;
  throw new InvalidDurationError(
    "DURATION_OUT_OF_RANGE",
    `${name}: expected from ${minMs / 1_000} s to 24 h (${minMs} to ${MAX_TTL_MS} ms); got ${shown}`,
  );
}

function parseText(text: string, bounds: DurationBounds): number {
  const { name } = bounds;
  const total: Exact = [];
  let last = -1;
  PART.lastIndex = 0;
  do {
    const part = PART.exec(text);
    if (part === null) return invalid(name, "", text);
    const [, whole, fraction = "", unit] = part as unknown as [string, string, string | undefined, string];
    const index = UNIT.exec(unit)?.findIndex((found, i) => i > 0 && found !== undefined) ?? 0;
    if (index === 0) return invalid(name, `unknown unit ${describe(unit)}`, text);
    if (index <= last) invalid(name, "largest unit first, each unit once", text);
    last = index;
    add(total, whole, fraction, UNITS_MS[index - 1]!);
  } while (PART.lastIndex < text.length);
  return bounded(total, bounds, text);
}

/** Adds a number, as the decimal that it prints as, which is the one that its author wrote. */
function addNumber(total: Exact, value: unknown, unitMs: number, name: string, got: unknown): void {
  const decimal = typeof value === "number" ? DECIMAL.exec(String(value)) : null;
  if (decimal === null) invalid(name, `${describe(value)} is not a decimal number of 0 or more`, got);
  const [, whole, fraction = "", exponent = 0] = decimal! as unknown as [string, string, string, number];
  if (exponent < 0) add(total, "0", "0".repeat(-exponent - 1) + whole + fraction, unitMs);
  else if (exponent > 0) add(total, String(value), "", unitMs);
  else add(total, whole, fraction, unitMs);
}

function parseObject(duration: object, bounds: DurationBounds): number {
  const { name } = bounds;
  const total: Exact = [];
  const given = Object.entries(duration).filter(([, value]) => value !== undefined);
  if (given.length === 0) invalid(name, "", duration);
  if ("value" in duration || "unit" in duration) {
    const { value, unit, ...rest } = duration as { value?: unknown; unit?: unknown };
    const index = OBJECT_UNITS.findIndex(plural => unit === plural || unit === plural.slice(0, -1));
    if (index < 0 || UNITS_MS[index] === 1 || Object.keys(rest).length > 0) invalid(name, "", duration);
    addNumber(total, value, UNITS_MS[index]!, name, duration);
  } else {
    for (const [unit, value] of given) {
      const index = OBJECT_UNITS.indexOf(unit);
      if (index < 0) invalid(name, `unknown unit ${describe(unit)}`, duration);
      addNumber(total, value, UNITS_MS[index]!, name, duration);
    }
  }
  return bounded(total, bounds, duration);
}

/** Reads a duration within its own bounds: what `parseDuration` does for a `ttl`. */
export function readDuration(duration: unknown, bounds: DurationBounds): number {
  if (typeof duration === "string") return parseText(duration, bounds);
  if (typeof duration === "object" && duration !== null && !Array.isArray(duration)) {
    return parseObject(duration, bounds);
  }
  return invalid(bounds.name, typeof duration === "number" ? "a number needs a unit" : "", duration);
}

const TTL: DurationBounds = { name: "ttl", minMs: MIN_TTL_MS };

/**
 * Converts a duration to milliseconds. It must be between {@link MIN_TTL_MS} and {@link MAX_TTL_MS}, both
 * included. Accepts any string, so text from a setting compiles too.
 *
 * @example
 * ```ts
 * import { parseDuration } from "with-idempotency";
 *
 * console.log(parseDuration("1h30m")); // → 5400000
 * console.log(parseDuration({ value: 5, unit: "minutes" })); // → 300000
 * ```
 *
 * @returns whole milliseconds, rounded half away from zero; the bounds apply to the exact value before rounding
 * @throws InvalidDurationError `INVALID_DURATION` if it is not a duration (a bare number, a sign, an exponent,
 * `""`, an unknown or repeated unit, `NaN`, an empty object), `DURATION_OUT_OF_RANGE` if it is out of bounds
 */
export function parseDuration(duration: Duration | string): number {
  return readDuration(duration, TTL);
}
