import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { sourceOf } from "../../../../src/engine/many/source.ts";
import { deferred, pass, rejection, stateOf } from "../../../support/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it("asks for no more than it is to take, and waits for nothing", async () => {
  const asked: number[] = [];
  const source = sourceOf(
    (function* () {
      for (let n = 0; n < 5; n++) {
        asked.push(n);
        yield n;
      }
    })(),
  );
  expect(await source.take(2)).toEqual([0, 1]);
  expect(asked).toEqual([0, 1]);
  expect(vi.getTimerCount()).toBe(0);
  expect(await source.take(9)).toEqual([2, 3, 4]);
  expect(await source.take(9)).toEqual([]);
});

it("prefers the async iterator of what has both", async () => {
  const items = {
    [Symbol.iterator]: () => [1].values(),
    async *[Symbol.asyncIterator]() {
      yield 2;
    },
  };
  expect(await sourceOf<number>(items).take(5)).toEqual([2]);
});

it("waits for the first, and for others 20 ms from when one has come", async () => {
  const gates = [deferred<number>(), deferred<number>()];
  const source = sourceOf(
    (async function* () {
      for (const { promise } of gates) yield await promise;
    })(),
  );
  const taking = source.take(2);
  await pass(1_000);
  expect(await stateOf(taking)).toBe("pending");
  gates[0]!.resolve(1);
  await pass(19);
  expect(await stateOf(taking)).toBe("pending");
  await pass(1);
  expect(await taking).toEqual([1]);
  // What was asked for is not asked for again.
  const rest = source.take(2);
  gates[1]!.resolve(2);
  expect(await rest).toEqual([2]);
  expect(vi.getTimerCount()).toBe(0);
});

it("goes on with what has come where it is interrupted", async () => {
  const source = sourceOf<number>({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });
  const taking = source.take(2);
  source.interrupt();
  expect(await taking).toEqual([]);
});

it("tells a failure after what came before it, and then again", async () => {
  const source = sourceOf(
    (function* () {
      yield 1;
      throw new Error("cut short");
    })(),
  );
  expect(await source.take(5)).toEqual([1]);
  expect(await rejection(source.take(5))).toMatchObject({ message: "cut short" });
  expect(await rejection(source.take(5))).toMatchObject({ message: "cut short" });
  expect(source.end()).toBe(false);
});

it("ends once, closes what it took from, and says whether there may have been more", async () => {
  const close = vi.fn();
  const items = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }), return: close }) };
  const source = sourceOf(items as Iterable<number>);
  await source.take(1);
  expect([source.end(), source.end()]).toEqual([true, false]);
  expect(close).toHaveBeenCalledTimes(1);
  expect(await source.take(1)).toEqual([]);
});

it("is not closed that has ended by itself, or has nothing to be closed by", async () => {
  const close = vi.fn();
  const ended = { [Symbol.iterator]: () => ({ next: () => ({ done: true, value: 1 }), return: close }) };
  const source = sourceOf(ended as Iterable<number>);
  expect(await source.take(1)).toEqual([]);
  expect(source.end()).toBe(false);
  expect(close).not.toHaveBeenCalled();
  const open = sourceOf({ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }) }) });
  expect(open.end()).toBe(true);
});

it.each([
  ["throws", () => expect.fail("closing")],
  ["rejects", () => Promise.reject(new Error("closing"))],
])("takes no notice of a close that %s", async (_how, close) => {
  const items = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }), return: close }) };
  expect(sourceOf(items as unknown as Iterable<number>).end()).toBe(true);
});
