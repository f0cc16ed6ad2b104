import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { createIdempotency, memoryStore } from "with-idempotency";
import { faultyStore } from "with-idempotency/testing";

/** @typedef {(to: string, idempotencyKey: string) => Promise<{ id: string }>} Send */

/**
 * The code under test. The test passes in the provider's client and a new store for each test.
 * @param {Send} send
 * @param {import("with-idempotency").IdempotencyStore} store
 */
function createNotifier(send, store) {
  const { withIdempotency } = createIdempotency({ store });
  return (/** @type {number} */ orderId, /** @type {string} */ to) =>
    withIdempotency(["order-shipped", orderId], "24h", ({ idempotencyKey }) => send(to, idempotencyKey));
}

const MAIL = "mira@example.com";
const mockSend = () => mock.fn(/** @type {Send} */ (async (_, idempotencyKey) => ({ id: idempotencyKey })));

test("an event that is delivered again sends once", async () => {
  const send = mockSend();
  const notify = createNotifier(send, memoryStore());
  const first = await notify(1041, MAIL);
  assert.deepEqual(await notify(1041, MAIL), first);
  assert.equal(send.mock.callCount(), 1);
});

test("once its window has passed, the event sends again, under another key", async t => {
  t.mock.timers.enable({ apis: ["Date", "setTimeout"] });
  const send = mockSend();
  const notify = createNotifier(send, memoryStore());
  await notify(1041, MAIL);
  t.mock.timers.tick(24 * 60 * 60 * 1000 - 1);
  await notify(1041, MAIL);
  assert.equal(send.mock.callCount(), 1);
  t.mock.timers.tick(1);
  await notify(1041, MAIL);
  assert.equal(send.mock.callCount(), 2);
  assert.equal(new Set(send.mock.calls.map(call => call.arguments[1])).size, 2);
});

test("after a cut connection it does not send again, because nobody knows whether the email went out", async () => {
  const send = mockSend();
  const notify = createNotifier(send, memoryStore());
  const cut = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  send.mock.mockImplementationOnce(() => Promise.reject(cut));
  await assert.rejects(notify(1041, MAIL), cut);
  await assert.rejects(notify(1041, MAIL), { code: "OUTCOME_UNKNOWN", attempt: 1 });
  assert.equal(send.mock.callCount(), 1);
});

test("sends nothing while the store is down, and once when it is back", async () => {
  const send = mockSend();
  const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "fail", times: Infinity }]);
  const notify = createNotifier(send, store);
  await assert.rejects(notify(1041, MAIL), { code: "STORE_ERROR" });
  assert.equal(send.mock.callCount(), 0);
  store.restore();
  await notify(1041, MAIL);
  assert.equal(send.mock.callCount(), 1);
});

test("a store that fails after the email went out does not turn a success into a failure", async () => {
  const send = mockSend();
  const store = faultyStore(memoryStore(), [{ operation: "complete", kind: "fail" }]);
  const notify = createNotifier(send, store);
  const first = await notify(1041, MAIL);
  assert.deepEqual(await notify(1041, MAIL), first);
  assert.equal(send.mock.callCount(), 1);
});
