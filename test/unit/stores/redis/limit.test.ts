import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { limiting } from "../../../../src/stores/redis/limit.ts";
import { deferred, turn } from "../../../support/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Things of these weights under one limit: which have begun, and how each ends. */
function under(most: number, weights: readonly number[]) {
  const limit = limiting(most);
  const begun: number[] = [];
  const work = weights.map(() => deferred());
  const answers = weights.map((weight, n) =>
    limit(weight, () => {
      begun.push(n);
      return work[n]!.promise;
    }),
  );
  return { begun, work, answers };
}

test("what there is room for begins at once, the rest in turn", async () => {
  const { begun, work, answers } = under(2, [1, 1, 1, 1]);
  expect(begun).toEqual([0, 1]);
  work[1]!.resolve("one");
  expect(await answers[1]).toBe("one");
  await turn();
  expect(begun).toEqual([0, 1, 2]);
});

test("what fails makes room too, and fails for who asked", async () => {
  const limit = limiting(1);
  const failed = limit(1, () => Promise.reject(new Error("no")));
  const next = limit(1, async () => "next");
  await expect(failed).rejects.toThrow("no");
  expect(await next).toBe("next");
});

test("what is too heavy waits until it is alone, and nothing passes it by", async () => {
  const { begun, work } = under(10, [1, 50, 1]);
  expect(begun).toEqual([0]);
  work[0]!.resolve("");
  await turn();
  expect(begun).toEqual([0, 1]);
  work[1]!.resolve("");
  await turn();
  expect(begun).toEqual([0, 1, 2]);
});

test("what has no answer stands in nobody's way after five seconds, and makes room once", async () => {
  const { begun, work, answers } = under(1, [1, 1, 1]);
  await turn();
  await vi.advanceTimersByTimeAsync(4_999);
  expect(begun).toEqual([0]);
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toEqual([0, 1]);
  work[0]!.resolve("late");
  expect(await answers[0]).toBe("late");
  await turn();
  expect(begun).toEqual([0, 1]);
});
