import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createIdempotency, type IdempotencyStore, memoryStore } from "with-idempotency";
import { faultyStore } from "with-idempotency/testing";

type Send = (to: string, idempotencyKey: string) => Promise<{ id: string }>;

// The code under test. The test passes in the provider's client and a new store for each test.
function createNotifier(send: Send, store: IdempotencyStore) {
  const { withIdempotency } = createIdempotency({ store });
  return (orderId: number, to: string) =>
    withIdempotency(["order-shipped", orderId], "24h", ({ idempotencyKey }) => send(to, idempotencyKey));
}

const MAIL = "mira@example.com";
const send = vi.fn<Send>();
const keysSent = () => send.mock.calls.map(([, idempotencyKey]) => idempotencyKey);

beforeEach(() => {
  send.mockReset();
  send.mockImplementation(async (_, idempotencyKey) => ({ id: idempotencyKey }));
});
afterEach(() => {
  vi.useRealTimers();
});

test("an event that is delivered again sends once", async () => {
  const notify = createNotifier(send, memoryStore());
  const first = await notify(1041, MAIL);
  expect(await notify(1041, MAIL)).toEqual(first);
  expect(send).toHaveBeenCalledTimes(1);
});

test("once its window has passed, the event sends again, under another key", async () => {
  vi.useFakeTimers();
  const notify = createNotifier(send, memoryStore());
  await notify(1041, MAIL);
  vi.advanceTimersByTime(24 * 60 * 60 * 1000 - 1);
  await notify(1041, MAIL);
  expect(send).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  await notify(1041, MAIL);
  expect(send).toHaveBeenCalledTimes(2);
  expect(new Set(keysSent()).size).toBe(2);
});

test("after a cut connection it does not send again, because nobody knows whether the email went out", async () => {
  const notify = createNotifier(send, memoryStore());
  const cut = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  send.mockRejectedValueOnce(cut);
  await expect(notify(1041, MAIL)).rejects.toBe(cut);
  await expect(notify(1041, MAIL)).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", attempt: 1 });
  expect(send).toHaveBeenCalledTimes(1);
});

test("sends nothing while the store is down, and once when it is back", async () => {
  const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "fail", times: Infinity }]);
  const notify = createNotifier(send, store);
  await expect(notify(1041, MAIL)).rejects.toMatchObject({ code: "STORE_ERROR" });
  expect(send).not.toHaveBeenCalled();
  store.restore();
  await notify(1041, MAIL);
  expect(send).toHaveBeenCalledTimes(1);
});

test("a store that fails after the email went out does not turn a success into a failure", async () => {
  const store = faultyStore(memoryStore(), [{ operation: "complete", kind: "fail" }]);
  const notify = createNotifier(send, store);
  const first = await notify(1041, MAIL);
  expect(await notify(1041, MAIL)).toEqual(first);
  expect(send).toHaveBeenCalledTimes(1);
});
