import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { purgeAlong } from "../../../../src/stores/sqlite/purge-along.ts";

const MINUTE = 60_000;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 28) });
});

afterEach(() => {
  vi.useRealTimers();
});

it("is due with the first claim, and then once in that time", () => {
  const along = purgeAlong({}, "keys", MINUTE);
  expect([along.due(1), along.due(1)]).toEqual([100, 0]);
  vi.setSystemTime(Date.now() + MINUTE - 1);
  expect(along.due(1)).toBe(0);
  vi.setSystemTime(Date.now() + 1);
  expect([along.due(1), along.due(1)]).toEqual([100, 0]);
});

it("removes twice as many as are claimed, and 100 at least", () => {
  expect(purgeAlong({}, "keys", MINUTE).due(500)).toBe(1_000);
});

it("is due again at once where more may be left", () => {
  const along = purgeAlong({}, "keys", MINUTE);
  along.removed(99, along.due(1));
  expect(along.due(1)).toBe(0);
  along.removed(100, 100);
  expect(along.due(1)).toBe(100);
});

it("counts by database and table, whichever store asks", () => {
  const database = {};
  purgeAlong(database, "keys", MINUTE).due(1);
  expect(purgeAlong(database, "keys", MINUTE).due(1)).toBe(0);
  expect(purgeAlong(database, "others", MINUTE).due(1)).toBe(100);
  expect(purgeAlong({}, "keys", MINUTE).due(1)).toBe(100);
});

it("is due where the clock was set back, and then once in that time", () => {
  const along = purgeAlong({}, "keys", MINUTE);
  along.due(1);
  vi.setSystemTime(Date.UTC(2020, 0, 1));
  expect([along.due(1), along.due(1)]).toEqual([100, 0]);
  vi.setSystemTime(Date.now() + MINUTE);
  expect(along.due(1)).toBe(100);
});
