import { randomUUID } from "node:crypto";
import { expect, it, vi } from "vitest";
import { processWide } from "../../../src/util/process-wide.ts";

it("makes a thing on first use, once", () => {
  const name = randomUUID();
  const make = vi.fn(() => ({}));
  const first = processWide(name, make);
  expect(processWide(name, make)).toBe(first);
  expect(make).toHaveBeenCalledTimes(1);
});

it("makes another thing for another name", () => {
  expect(processWide(randomUUID(), () => ({}))).not.toBe(processWide(randomUUID(), () => ({})));
});

it("shares a thing with another copy of the package", async () => {
  const name = randomUUID();
  const first = processWide(name, () => ({}));
  vi.resetModules();
  const copy = await import("../../../src/util/process-wide.ts");
  expect(copy.processWide).not.toBe(processWide);
  expect(copy.processWide(name, () => ({}))).toBe(first);
});

it("keeps nothing of a maker that throws", () => {
  const name = randomUUID();
  const failing = () => {
    throw new Error("oh");
  };
  expect(() => processWide(name, failing)).toThrow("oh");
  const made = {};
  expect(processWide(name, () => made)).toBe(made);
});
