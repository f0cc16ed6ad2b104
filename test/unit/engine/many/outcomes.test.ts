import { expect, it, vi } from "vitest";
import type { ItemOutcome } from "../../../../src/contract/many.ts";
import { outcomesFor } from "../../../../src/engine/many/outcomes.ts";
import { rejection } from "../../../support/calls.ts";

const outcome = (value: number): ItemOutcome<unknown> => ({
  status: "fulfilled",
  value,
  replayed: false,
  persisted: true,
  key: `${value}`,
  attempt: 1,
});

function setUp() {
  const heard = { taken: vi.fn(), left: vi.fn() };
  return { ...heard, ...outcomesFor(heard) };
}

it("gives those that are read in the order of their items, however many, and whichever comes first", async () => {
  const { put, end, many, passed } = setUp();
  const reader = many[Symbol.asyncIterator]();
  const read: unknown[] = [];
  const count = 3_500;
  for (let from = 0; from < count; from += 700) {
    for (let n = from + 699; n >= from; n--) put(n, outcome(n));
    for (let n = from; n < from + 700; n++) read.push((await reader.next()).value);
    expect(passed()).toBe(from + 700);
  }
  end(count);
  expect(await reader.next()).toEqual({ done: true, value: undefined });
  expect(read).toEqual(Array.from({ length: count }, (_, n) => outcome(n)));
});

it("gives all of them to who awaits them, and counts those that are in their place", async () => {
  const { put, end, many, passed } = setUp();
  const all = many.then(outcomes => outcomes.map(each => (each as { value: number }).value));
  put(1, outcome(1));
  expect(passed()).toBe(0);
  put(0, outcome(0));
  expect(passed()).toBe(2);
  end(3);
  put(2, outcome(2));
  expect(await all).toEqual([0, 1, 2]);
});

it("counts nothing before somebody takes them", async () => {
  const { put, many, passed, taken, end } = setUp();
  put(0, outcome(0));
  expect([passed(), taken.mock.calls.length]).toEqual([0, 0]);
  const all = many.then(outcomes => outcomes.length);
  expect([passed(), taken.mock.calls.length]).toEqual([1, 1]);
  end(1);
  expect(await all).toBe(1);
  expect(taken).toHaveBeenCalledTimes(1);
});

it("rejects who awaits all with the failure, as soon as it is known how many there are", async () => {
  const { put, end, many } = setUp();
  const awaited = rejection(many);
  put(0, outcome(0));
  end(2, { error: "cut short" });
  expect(await awaited).toBe("cut short");
});

it("gives who reads what came before the failure, and then that", async () => {
  const { put, end, many } = setUp();
  const reader = many[Symbol.asyncIterator]();
  const first = reader.next();
  put(0, outcome(0));
  end(1, { error: "cut short" });
  expect(await first).toEqual({ done: false, value: outcome(0) });
  expect(await rejection(reader.next())).toBe("cut short");
});

it("tells that the reader has left, who waits no more and is given no failure", async () => {
  const { end, many, left } = setUp();
  const reader = many[Symbol.asyncIterator]();
  const waiting = reader.next();
  const gone = reader.return!();
  expect(left).toHaveBeenCalledTimes(1);
  end(5, { error: "cut short" });
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await gone).toEqual({ done: true, value: undefined });
});

it("has one reader, which is its own iterable", () => {
  const { many } = setUp();
  const reader = many[Symbol.asyncIterator]() as AsyncIterableIterator<unknown>;
  expect(many[Symbol.asyncIterator]()).toBe(reader);
  expect(reader[Symbol.asyncIterator]()).toBe(reader);
});

it("makes plain promises of itself", () => {
  const { many } = setUp();
  expect(Object.getPrototypeOf(many.then(() => {}))).toBe(Promise.prototype);
});
