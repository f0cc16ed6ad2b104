import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { gate } from "../../../src/testing/gate.ts";

/** Whether a promise has resolved by now. */
async function isOver(promise: Promise<void>): Promise<boolean> {
  let over = false;
  void promise.then(() => {
    over = true;
  });
  await setImmediate();
  return over;
}

it("is reached by the first who waits at it", async () => {
  const { reached, pass } = gate();
  expect(await isOver(reached)).toBe(false);
  void pass();
  expect(await isOver(reached)).toBe(true);
});

it("holds all until it is opened, and lets through those who come later", async () => {
  const { pass, open } = gate();
  const waiting = [pass(), pass()];
  expect(await Promise.all(waiting.map(isOver))).toEqual([false, false]);
  open();
  expect(await Promise.all([...waiting, pass()].map(isOver))).toEqual([true, true, true]);
});

it("is not reached because it is open", async () => {
  const { reached, open } = gate();
  open();
  expect(await isOver(reached)).toBe(false);
});
