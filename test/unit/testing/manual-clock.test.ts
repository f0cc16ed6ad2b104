import { expect, it } from "vitest";
import { manualClock } from "../../../src/testing.ts";

it("stands still until it is moved", () => {
  const { now, advance, set } = manualClock(1_000);
  expect(now()).toBe(1_000);
  expect(now()).toBe(1_000);
  advance(250);
  expect(now()).toBe(1_250);
  set(400);
  expect(now()).toBe(400);
});

it("starts at a time that cannot be taken for a duration", () => {
  expect(new Date(manualClock().now()).toISOString()).toBe("2026-01-01T00:00:00.000Z");
});

it("shares nothing with another", () => {
  const [one, two] = [manualClock(0), manualClock(0)];
  one.advance(5);
  expect(two.now()).toBe(0);
});
