import { MAX_TTL_MS, parseDuration, type Unit } from "../contract/duration.ts";
import { isIdempotencyError } from "../contract/errors.ts";
import { describe } from "../util/describe.ts";

/** Tells a fault of a field. */
export type Report = (field: "time" | "unit", message: string) => void;

const UNITS: Readonly<Record<number, Unit>> = {
  1000: "seconds",
  60000: "minutes",
  3600000: "hours",
  86400000: "days",
};
const WORD = /^[a-z]+$/i;
const NUMBER = /^\d+(?:\.\d+)?$/;

/** What came, in the words of a form. */
export const got = (value: unknown) => (value === undefined ? "nothing" : describe(value));

/** The window that a time and its unit make, in milliseconds; undefined if it has a fault, which is reported. */
export function readWindow(time: unknown, unit: unknown, report: Report): number | undefined {
  const unitMs = unitMsOf(unit);
  if (unitMs === undefined) report("unit", `expected seconds, minutes, hours or days; got ${got(unit)}`);
  const isNumber =
    typeof time === "number" ? Number.isFinite(time) : typeof time === "string" && NUMBER.test(time);
  if (!isNumber) {
    report("time", `expected a number such as 5 or 1.5, without a unit; got ${got(time)}`);
  } else if (unitMs !== undefined) {
    const ms = windowMs(time as number | string, UNITS[unitMs]!);
    if (ms !== undefined) return ms;
    const most = unitMs === MAX_TTL_MS ? "1 day" : `${MAX_TTL_MS / unitMs} ${UNITS[unitMs]}`;
    const bounds = `1 second to 24 hours${most === "24 hours" ? "" : ` (${most})`}`;
    report("time", `expected from ${bounds}; got ${describe(time)} ${UNITS[unitMs]}`);
  }
  return undefined;
}

/** How long one of a unit is, by what a duration takes as its name. */
function unitMsOf(unit: unknown): number | undefined {
  if (typeof unit !== "string" || !WORD.test(unit)) return undefined;
  try {
    return parseDuration(`1 ${unit}`);
  } catch {
    return undefined;
  }
}

/** Undefined where it is out of range. */
function windowMs(time: number | string, unit: Unit): number | undefined {
  if (Number(time) < 0) return undefined;
  try {
    return parseDuration(typeof time === "number" ? { value: time, unit } : `${time} ${unit}`);
  } catch (error) {
    if (isIdempotencyError(error, "DURATION_OUT_OF_RANGE")) return undefined;
    throw error;
  }
}
