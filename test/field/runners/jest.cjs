/* global expect, jest, test */
// Run by Jest, once with fake timers from the start (`enableGlobally`) and once without.
const { memoryStore, withIdempotency } = require("with-idempotency");

const DAY = 86_400_000;
const request = { token: "a", ttlMs: DAY, leaseMs: 30_000 };
const isFakeFromTheStart = "clock" in setTimeout;

/** Uses a store, and lets a test's fake timers run out: no clock moves, no key goes. */
async function runOut(store, key) {
  store.claim(key, request);
  store.complete(key, "a", "sent", DAY);
  const begun = Date.now();
  jest.runAllTimers();
  await jest.runAllTimersAsync();
  expect(jest.getTimerCount()).toBe(0);
  expect(Date.now()).toBe(begun);
  expect(store.read(key)).toMatchObject({ status: "completed" });
}

const shared = memoryStore();

test.each(["first", "second"])("fake timers installed anew for each test: the %s", async name => {
  if (!isFakeFromTheStart) shared.claim(`before ${name}`, request);
  jest.useFakeTimers();
  await runOut(shared, name);
  await runOut(memoryStore(), name);
  jest.advanceTimersByTime(DAY);
  expect(shared.read(name)).toBeUndefined();
  if (!isFakeFromTheStart) jest.useRealTimers();
});

test("legacy fake timers", async () => {
  jest.useFakeTimers({ legacyFakeTimers: true });
  shared.claim("legacy", request);
  shared.complete("legacy", "a", "sent", DAY);
  jest.runAllTimers();
  expect(shared.read("legacy")).toMatchObject({ status: "completed" });
  jest.useRealTimers();
});

test("a call that has ended is replayed when all timers have run", async () => {
  jest.useFakeTimers();
  let sends = 0;
  const send = () => withIdempotency("order:1", "24h", () => ++sends);
  expect(await send()).toBe(1);
  await jest.runAllTimersAsync();
  expect(await send()).toBe(1);
  jest.advanceTimersByTime(DAY);
  expect(await send()).toBe(2);
});
