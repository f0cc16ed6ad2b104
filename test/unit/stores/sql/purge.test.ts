import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { purgeRegularly } from "../../../../src/stores/sql/purge.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function begin(purge: () => Promise<number>, isOver?: () => boolean) {
  const onWarning = vi.fn();
  const store = { purge: vi.fn(purge) };
  purgeRegularly(store, { everyMs: 1_000, onWarning, where: "PostgreSQL", ...(isOver && { isOver }) });
  return { onWarning, store };
}

it("purges again and again, each time within that time", async () => {
  const { store, onWarning } = begin(async () => 0);
  await vi.advanceTimersByTimeAsync(749);
  expect(store.purge).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(store.purge.mock.calls.length).toBeGreaterThanOrEqual(60);
  expect(store.purge.mock.calls.length).toBeLessThanOrEqual(81);
  expect(onWarning).not.toHaveBeenCalled();
});

it("goes on where one gets no answer, and says so once for as long as that goes on (S10)", async () => {
  let isDown = true;
  const { store, onWarning } = begin(() => (isDown ? new Promise(() => {}) : Promise.resolve(0)));
  await vi.advanceTimersByTimeAsync(1_205_000);
  expect(store.purge).toHaveBeenCalledTimes(3);
  const said = {
    code: "PURGE_FAILED",
    message:
      "Expired records could not be removed from PostgreSQL; the store will try again: no answer within 600000 ms",
  };
  expect(onWarning.mock.calls).toEqual([[said]]);
  isDown = false;
  await vi.advanceTimersByTimeAsync(605_000);
  isDown = true;
  await vi.advanceTimersByTimeAsync(605_000);
  expect(onWarning.mock.calls).toEqual([[said], [said]]);
});

it("ends without a word where there is nothing to purge any more", async () => {
  let isOver = false;
  const { store, onWarning } = begin(
    () => Promise.reject(new Error("closed")),
    () => isOver,
  );
  isOver = true;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(store.purge).not.toHaveBeenCalled();
  expect(onWarning).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
