import { describe } from "../util/describe.ts";
import { InvalidDurationError } from "./errors.ts";

type Seconds = "s" | "sec" | "secs" | "second" | "seconds";
type Minutes = "m" | "min" | "mins" | "minute" | "minutes";
type Hours = "h" | "hr" | "hrs" | "hour" | "hours";
type Days = "d" | "day" | "days";
type AnyCase<Name extends string> = Name | Capitalize<Name> | Uppercase<Name>;

/**
 * A duration as text: one or more `<decimal><unit>` pairs, largest unit first, each unit once, in any case; white
 * space may stand around numbers and units. `"30s"`, `"5 minutes"`, `"1h30m"`, `"1.5 h"`, `"1 day"`.
 *
 * The type rejects an obvious mistake (`"5"`, `"5x"`, `"30m 1h"`) when it is compiled; {@link parseDuration} has the
 * last word.
 */
export type DurationString =
  | `${number}${AnyCase<Days | Hours | Minutes | Seconds>}`
  | `${number}${Days}${number}${Hours | Minutes | Seconds}`
  | `${number}${Hours}${number}${Minutes | Seconds}`
  | `${number}${Minutes}${number}${Seconds}`
  // Of three parts and more only the first and the last are looked at: all names of all of them would be four times as
  // many types, which takes a compiler seconds where it compares them with each other.
  | `${number}${Days}${number}${string}${Minutes | Seconds}`
  | `${number}${Hours}${number}${string}${Seconds}`;

/** The name of a unit of time. */
export type Unit = "second" | "seconds" | "minute" | "minutes" | "hour" | "hours" | "day" | "days";

/** A length of time: text, a value with its unit, or an object of units. */
export type Duration =
  | DurationString
  | { value: number; unit: Unit }
  | { days?: number; hours?: number; minutes?: number; seconds?: number };

/** The shortest `ttl`: 1 second, in milliseconds. */
export const MIN_TTL_MS = 1_000;
/** The longest `ttl`: 24 hours, in milliseconds. */
export const MAX_TTL_MS = 86_400_000;

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

const UNITS: ReadonlyMap<string, number> = new Map(
  (
    [
      [SECOND, "s sec secs second seconds"],
      [MINUTE, "m min mins minute minutes"],
      [HOUR, "h hr hrs hour hours"],
      [DAY, "d day days"],
    ] as const
  ).flatMap(([ms, names]) => names.split(" ").map(name => [name, ms] as const)),
);

const OBJECT_UNITS = ["days", "hours", "minutes", "seconds"] as const;

// Far more than any duration needs, and few enough for exact arithmetic to stay cheap.
const MAX_LENGTH = 100;
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

/** An exact number of milliseconds: whole ones as a number, for any other a multiple of 10^-{@link SCALE}. */
type Exact = number | bigint;

// More places than the longest text has, or the smallest number.
const SCALE = 400;
const ONE = 10n ** BigInt(SCALE);

function exact(whole: string, fraction = "", exponent: number, unitMs: number): Exact {
  if (fraction === "" && exponent >= 0) {
    // Beyond this is out of any range, and `Infinity` could not be added exactly.
    return Math.min(Number(whole) * 10 ** exponent * unitMs, Number.MAX_SAFE_INTEGER);
  }
  return BigInt(whole + fraction) * BigInt(unitMs) * 10n ** BigInt(SCALE + exponent - fraction.length);
}

const scaled = (ms: Exact) => (typeof ms === "number" ? BigInt(ms) * ONE : ms);

function add(a: Exact, b: Exact): Exact {
  return typeof a === "number" && typeof b === "number" ? a + b : scaled(a) + scaled(b);
}

/** Checks the exact value, then rounds half away from zero: `1.0005s` is exactly a half, and no float says so. */
function bounded(total: Exact, { name, minMs }: DurationBounds, got: unknown): number {
  const isWhole = typeof total === "number";
  const [least, most] = isWhole ? [minMs, MAX_TTL_MS] : [scaled(minMs), scaled(MAX_TTL_MS)];
  if (total < least || total > most) outOfRange(name, minMs, got);
  return isWhole ? total : Number((total * 2n + ONE) / (ONE * 2n));
}

function outOfRange(name: string, minMs: number, got: unknown): never {
  const shown = typeof got === "string" ? describe(got) : JSON.stringify(got);
  throw new InvalidDurationError(
    "DURATION_OUT_OF_RANGE",
    `${name}: expected from ${minMs / SECOND} s to 24 h (${minMs} to ${MAX_TTL_MS} ms); got ${shown}`,
  );
}

function parseText(text: string, bounds: DurationBounds): number {
  const { name } = bounds;
  if (text.length > MAX_LENGTH) invalid(name, `longer than ${MAX_LENGTH} characters`, text);
  let total: Exact = 0;
  let above = Number.POSITIVE_INFINITY;
  PART.lastIndex = 0;
  do {
    const part = PART.exec(text);
    if (part === null) return invalid(name, "", text);
    const unitMs = UNITS.get(part[3]!.toLowerCase());
    if (unitMs === undefined) return invalid(name, `unknown unit ${describe(part[3])}`, text);
    if (unitMs >= above) invalid(name, "largest unit first, each unit once", text);
    above = unitMs;
    total = add(total, exact(part[1]!, part[2], 0, unitMs));
  } while (PART.lastIndex < text.length);
  return bounded(total, bounds, text);
}

function fromNumber(value: unknown, unitMs: number, name: string, got: unknown): Exact {
  // The decimal that the number prints as, which is the one that its author wrote.
  const decimal = typeof value === "number" ? DECIMAL.exec(String(value)) : null;
  if (decimal === null) return invalid(name, `${describe(value)} is no decimal number from 0`, got);
  return exact(decimal[1]!, decimal[2], Number(decimal[3] ?? 0), unitMs);
}

function parseObject(duration: object, bounds: DurationBounds): number {
  const { name } = bounds;
  const given = Object.entries(duration).filter(([, value]) => value !== undefined);
  if (given.length === 0) invalid(name, "", duration);
  if ("value" in duration || "unit" in duration) {
    const { value, unit, ...rest } = duration as { value?: unknown; unit?: unknown };
    const known = OBJECT_UNITS.some(plural => unit === plural || unit === plural.slice(0, -1));
    if (!known || Object.keys(rest).length > 0) return invalid(name, "", duration);
    return bounded(fromNumber(value, UNITS.get(unit as string)!, name, duration), bounds, duration);
  }
  const parts = given.map(([unit, value]) => {
    const known = OBJECT_UNITS.some(plural => unit === plural);
    if (!known) return invalid(name, `unknown unit ${describe(unit)}`, duration);
    return fromNumber(value, UNITS.get(unit)!, name, duration);
  });
  return bounded(parts.reduce(add), bounds, duration);
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
 * Reads a duration between {@link MIN_TTL_MS} and {@link MAX_TTL_MS}, both included.
 *
 * @returns whole milliseconds, rounded half away from zero; the bounds apply to the exact value before that
 * @throws InvalidDurationError `INVALID_DURATION` where it is no duration (a bare number, a sign, an exponent, `""`,
 * an unknown or repeated unit, `NaN`, an empty object), `DURATION_OUT_OF_RANGE` outside of the bounds
 */
export function parseDuration(duration: Duration): number {
  return readDuration(duration, TTL);
}
