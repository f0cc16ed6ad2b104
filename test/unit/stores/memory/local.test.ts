import { expect, it } from "vitest";
import { localOf } from "../../../../src/stores/memory/local.ts";
import { memoryStore } from "../../../../src/stores/memory/store.ts";

const TTL = 60_000;

/** A store and its local side; a claim by a number, which the interface takes for a text. */
function setUp() {
  const store = memoryStore();
  const local = localOf(store)!;
  const token = () => local.takeToken() as string;
  const claim = (key: string, by: string, rerun = false) =>
    store.claim(key, { token: by, ttlMs: TTL, leaseMs: 1_000, rerun });
  return { store, local, token, claim };
}

it("a number claims, owns and completes like a text, and stands for one text in all attempts", () => {
  const { store, local, token, claim } = setUp();
  const [a, b, c] = [token(), token(), token()];
  expect(claim("k", a)).toMatchObject({ status: "claimed", attempt: 1, runId: a });
  const text = local.runText("k", a);
  expect(text).toMatch(/^[A-Za-z0-9_-]{22}$/);
  store.renew("k", a, 0);
  expect(claim("k", b, true)).toMatchObject({ status: "claimed", attempt: 2, runId: a, takeover: true });
  expect(store.complete("k", a, "late", TTL)).toBe(false);
  store.release("k", b);
  expect(claim("k", c)).toMatchObject({ status: "claimed", attempt: 3, runId: a });
  expect([local.runText("k", a), local.runText("k", a)]).toEqual([text, text]);
  expect(store.complete("k", c, "sent", TTL)).toBe(true);
  expect(store.complete("k", c, "sent", TTL)).toBe(true);
  expect(store.read("k")).toMatchObject({ status: "completed", attempt: 3, runId: text });
  expect(store.forget("k", { runId: text, attempt: 3 })).toBe(true);
  expect(local.runText("k", a)).not.toBe(text);
  claim("k", token());
  expect(local.runText("k", a)).not.toBe(text);
});

it("a text takes a number's claim over, and learns the text of its run", () => {
  const { store, local, token, claim } = setUp();
  const a = token();
  claim("k", a);
  const runId = local.runText("k", a);
  store.renew("k", a, 0);
  expect(claim("k", "b", true)).toMatchObject({ status: "claimed", attempt: 2, runId });
});

it("belongs to the store itself, and to nothing that wraps it", () => {
  const store = memoryStore();
  expect(localOf(store)).toBe(store);
  expect(localOf(Object.create(store))).toBeUndefined();
  expect(localOf({ ...store })).toBeUndefined();
});

it("a completed record keeps its text from when it is first read, and its token", () => {
  const { store, local, token, claim } = setUp();
  const a = token();
  claim("k", a);
  store.complete("k", a, "sent", TTL);
  const { runId } = store.read("k") as { runId: string };
  expect([local.runText("k", a), store.complete("k", a, "sent", TTL)]).toEqual([runId, true]);
});

it("a completed record is found without a claim, and a claim is spared the look", () => {
  const { store, local, token, claim } = setUp();
  expect(local.peekCompleted("k")).toBeUndefined();
  const a = token();
  claim("k", a);
  expect(local.peekCompleted("k")).toBeUndefined();
  store.release("k", a);
  expect(local.peekCompleted("k")).toBeUndefined();
  const b = token();
  claim("k", b);
  store.complete("k", b, "sent", TTL);
  expect(local.peekCompleted("k")).toMatchObject({ outcome: "sent" });
});
