import { setTimeout as sleep } from "node:timers/promises";
import type mysql from "mysql2/promise";
import { expect, inject, it, onTestFinished, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import { mysqlStore } from "../../../src/stores/mysql/store.ts";
import { LONG, mysqlScene, newKey, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = mysqlScene(() => inject("mysqlUrl"));

/** The statements that are sent on a connection, in their order: `ours`, a `look` at its status, or a user's first word. */
function sentOn(connection: mysql.Connection): string[] {
  const sent: string[] = [];
  const query = connection.query.bind(connection) as (query: unknown) => Promise<unknown>;
  connection.query = ((each: string | { sql: string }) => {
    if (typeof each === "string") sent.push(each);
    else sent.push(each.sql === "DO 0" ? "look" : "ours");
    return query(each);
  }) as typeof connection.query;
  return sent;
}

/** A transaction elsewhere that has claimed the key and not ended, and how it is committed. */
async function heldElsewhere(key: string): Promise<() => Promise<unknown>> {
  const connection = await scene.connection();
  await connection.beginTransaction();
  await scene
    .store()
    .inTransaction(connection)
    .claim(key, { token: "holder", ...LONG });
  return () => connection.commit();
}

async function inTransaction() {
  const connection = await scene.connection();
  await connection.beginTransaction();
  return { connection, sent: sentOn(connection), store: scene.store().inTransaction(connection) };
}

it("a call that got no answer in time sends nothing to the next user of its client", async () => {
  const key = newKey();
  const commit = await heldElsewhere(key);
  const pool = scene.another([], { connectionLimit: 1 });
  const connection = await pool.getConnection();
  await connection.beginTransaction();
  const sent = sentOn(connection);
  const { execute } = createIdempotency({
    store: mysqlStore(pool, { table: scene.table }).inTransaction(connection),
    storeTimeout: "0.2s",
  });
  await expect(execute(key, "1m", () => "never")).rejects.toMatchObject({ code: "STORE_ERROR" });
  const back = connection.query("ROLLBACK").then(() => connection.release());
  // Long enough for the engine to ask again.
  await sleep(400);
  await commit();
  await back;
  const next = await pool.getConnection();
  onTestFinished(() => next.release());
  expect(next.threadId).toBe(connection.threadId);
  await connection.query("BEGIN");
  await sleep(1_500);
  await connection.query("COMMIT");
  expect(sent).toEqual(["look", "ours", "ROLLBACK", "BEGIN", "COMMIT"]);
  expect(await scene.store().read(key)).toMatchObject({ runId: "holder", attempt: 1 });
});

it("a claim that lands after it was abandoned takes nothing, and is followed by nothing", async () => {
  const key = newKey();
  const commit = await heldElsewhere(key);
  const { connection, sent, store } = await inTransaction();
  const late = Promise.resolve(store.claim(key, { token: "late", ...LONG })).catch(error => error);
  await scene.waiting();
  store.abandoned?.(key);
  const back = connection.query("ROLLBACK");
  await commit();
  expect(await late).toMatchObject({
    code: "STORE_ERROR",
    message: expect.stringContaining("inTransaction"),
  });
  await back;
  await connection.query("BEGIN");
  expect(await store.release(key, "late")).toBe(true);
  await expect(store.complete("other", "late", "x", 1_000)).resolves.toBe(false);
  await expect(store.claim("other", { token: "late", ...LONG })).rejects.toMatchObject({
    code: "STORE_ERROR",
  });
  expect(sent).toEqual(["look", "ours", "ROLLBACK", "BEGIN"]);
});

it("a claim that was abandoned before its statement is not sent any more", async () => {
  const { connection, sent, store } = await inTransaction();
  const late = Promise.resolve(store.claim("late", { token: "late", ...LONG })).catch(error => error);
  store.abandoned?.("late");
  expect(await late).toMatchObject({ code: "STORE_ERROR" });
  expect(await store.release("late", "late")).toBe(true);
  await expect(store.complete("late", "late", "x", 1_000)).resolves.toBe(false);
  await connection.query("ROLLBACK");
  expect(sent).toEqual(["look", "ROLLBACK"]);
});

it("a completion that is repeated before the first is answered ends the store", async () => {
  const key = newKey();
  const { connection, sent, store } = await inTransaction();
  await store.claim(key, { token: "a", ...LONG });
  const first = store.complete(key, "a", "sent", LONG.ttlMs);
  // A renewal meanwhile is none of that.
  expect(await store.renew(key, "a", 1_000)).toBe(true);
  await expect(store.complete(key, "a", "sent", LONG.ttlMs)).rejects.toMatchObject({ code: "STORE_ERROR" });
  expect(await first).toBe(true);
  await expect(store.complete(key, "a", "sent", LONG.ttlMs)).rejects.toMatchObject({ code: "STORE_ERROR" });
  await connection.query("COMMIT");
  // The claim has two.
  expect(sent).toEqual(["look", "ours", "ours", "ours", "COMMIT"]);
  expect(await scene.store().read(key)).toMatchObject({ status: "completed", outcome: "sent" });
});

it("who looks up a key meanwhile ends nothing, and other keys are no concern of it", async () => {
  const { connection, store } = await inTransaction();
  const claims = ["a", "b"].map(key => store.claim(key, { token: key, ...LONG }));
  const reads = ["a", "b"].map(key => store.read(key));
  expect(await Promise.all(claims)).toMatchObject([{ status: "claimed" }, { status: "claimed" }]);
  expect(await Promise.all(reads)).toMatchObject([{ runId: "a" }, { runId: "b" }]);
  expect(await store.complete("a", "a", "x", LONG.ttlMs)).toBe(true);
  await connection.query("ROLLBACK");
});

it("a key that the store did not claim is not asked about", async () => {
  const { connection, sent, store } = await inTransaction();
  const answers = [
    store.release("k", "t"),
    store.renew("k", "t", 0),
    store.complete("k", "t", "x", LONG.ttlMs),
  ];
  expect(await Promise.all(answers)).toEqual([false, false, false]);
  await connection.query("ROLLBACK");
  expect(sent).toEqual(["ROLLBACK"]);
});

it("once the transaction has ended, the store says so and writes nothing", async () => {
  const { connection, sent, store } = await inTransaction();
  await connection.query("COMMIT");
  await expect(store.claim("k", { token: "a", ...LONG })).rejects.toMatchObject({
    code: "STORE_ERROR",
    message: expect.stringContaining("await its beginTransaction() first"),
  });
  expect(sent).toEqual(["COMMIT", "look"]);
});
