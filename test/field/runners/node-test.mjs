// Run by `node --test`.
import assert from "node:assert/strict";
import { mock, test } from "node:test";

const DAY = 86_400_000;
const request = { token: "a", ttlMs: DAY, leaseMs: 30_000 };
const apis = { apis: ["setTimeout", "setInterval", "setImmediate", "Date"] };

// Loaded under mocked timers: what it takes for the real ones must not be these.
mock.timers.enable(apis);
const { memoryStore, withIdempotency } = await import("with-idempotency");
const early = memoryStore();
early.claim("k", request);
mock.timers.reset();
const shared = memoryStore();

/** Uses a store, and lets a test's mocked timers run out: no clock moves, no key goes. */
async function runOut(t, store, key) {
  store.claim(key, request);
  store.complete(key, "a", "sent", DAY);
  await Promise.resolve();
  const begun = Date.now();
  t.mock.timers.runAll();
  assert.equal(Date.now(), begun);
  assert.equal(store.read(key).status, "completed");
}

for (const name of ["first", "second"]) {
  test(`mocked timers installed anew for each test: the ${name}`, async t => {
    shared.claim(`before ${name}`, request);
    t.mock.timers.enable({ ...apis, now: Date.now() });
    for (const store of [shared, early, memoryStore()]) await runOut(t, store, name);
    t.mock.timers.tick(DAY);
    assert.equal(shared.read(name), undefined);
  });
}

test("mocked timers that begin in 1970, after those of today", async t => {
  t.mock.timers.enable(apis);
  await runOut(t, shared, "1970");
  t.mock.timers.tick(DAY - 1);
  assert.equal(shared.read("1970").status, "completed");
  t.mock.timers.tick(1);
  assert.equal(shared.read("1970"), undefined);
});

test("a call that has ended is replayed when all timers have run", async t => {
  t.mock.timers.enable({ ...apis, now: Date.now() });
  let sends = 0;
  const send = () => withIdempotency("order:1", "24h", () => ++sends);
  assert.equal(await send(), 1);
  t.mock.timers.runAll();
  assert.equal(await send(), 1);
  t.mock.timers.tick(DAY);
  assert.equal(await send(), 2);
});
