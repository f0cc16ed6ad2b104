import { expect, it } from "vitest";
import type { Duration } from "../../../src/contract/duration.ts";
import { parseDuration } from "../../../src/contract/duration.ts";

// The type check of the project is what tests these: an unused `@ts-expect-error` is an error of its own.

const accepted = [
  "30s",
  "5 minutes",
  "1h30m",
  "1h 30m",
  "1.5 h",
  "1 day",
  "1 Day",
  "24H",
  "90 SECONDS",
  "1h30m5s",
  "0.25d2h3m",
  "0.25 days 2 hrs 3 minutes 4 secs",
  "0.5d 2h 3m 4s",
  "0.5d5s",
  "45 mins",
  { value: 5, unit: "minutes" },
  { value: 1, unit: "minute" },
  { hours: 1, minutes: 30 },
  { milliseconds: 1_500 },
  { seconds: 1, milliseconds: 500 },
] as const satisfies readonly Duration[];

it("accepts what parses", () => {
  for (const duration of accepted) expect(parseDuration(duration)).toBeGreaterThan(0);
});

it("refuses an obvious mistake, as the parser does", () => {
  const refuse = (each: Duration) => expect(() => parseDuration(each)).toThrow(/^ttl: expected a duration/);
  // @ts-expect-error a bare number needs a unit
  refuse("5");
  // @ts-expect-error an unknown unit
  refuse("5x");
  // @ts-expect-error milliseconds are no unit
  refuse("5ms");
  // @ts-expect-error nothing
  refuse("");
  // @ts-expect-error no number
  refuse("h");
  // @ts-expect-error the largest unit goes first
  refuse("30m1h");
  // @ts-expect-error the last of three has no unit
  refuse("1h30m5");
  // @ts-expect-error the last of three has an unknown unit
  refuse("1h30m5x");
  // @ts-expect-error the largest unit goes first, of three too
  refuse("5s30m1h");
  // @ts-expect-error a number is no duration
  refuse(5_000);
  // @ts-expect-error the unit is spelled out
  refuse({ value: 5, unit: "s" });
  // @ts-expect-error units are plural here
  refuse({ hour: 1 });
});

it("reads any text, such as a setting's, and nothing but a duration", () => {
  const setting: string = String("90 minutes");
  const ttl: Duration = { milliseconds: parseDuration(setting) };
  expect(ttl).toEqual({ milliseconds: 5_400_000 });
  expect(() => parseDuration("5x")).toThrow(/^ttl: expected a duration/);
  // @ts-expect-error a number is no duration
  expect(() => parseDuration(5_000)).toThrow();
  // @ts-expect-error nor is a list
  expect(() => parseDuration(["1h"])).toThrow();
  const asOption = (_: Duration) => {};
  // @ts-expect-error as an option, text has to be seen to be a duration
  asOption(setting);
});
