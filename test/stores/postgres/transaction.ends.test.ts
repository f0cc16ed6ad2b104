import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { expect, inject, it, onTestFinished, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import { postgresStore } from "../../../src/stores/postgres/store.ts";
import { LONG, postgresScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = postgresScene(() => inject("postgresUrl"));
const newKey = () => `key-${randomUUID()}`;

/** The statements that are sent on a client, in their order: `ours`, or the first word of a user's. */
function sentOn(client: pg.ClientBase): string[] {
  const sent: string[] = [];
  const query = client.query.bind(client) as (query: unknown, values?: unknown) => Promise<unknown>;
  client.query = ((each: unknown, values?: unknown) => {
    sent.push(typeof each === "string" ? each.split(" ")[0]! : "ours");
    return query(each, values);
  }) as typeof client.query;
  return sent;
}

/** A transaction elsewhere that has claimed the key and not ended, and how it is committed. */
async function heldElsewhere(key: string): Promise<() => Promise<unknown>> {
  const client = await scene.client();
  await client.query("BEGIN");
  await scene
    .store()
    .inTransaction(client)
    .claim(key, { token: "holder", ...LONG });
  return () => client.query("COMMIT");
}

/** Resolves when somebody waits at the server for another transaction of this scene. */
async function waiting(): Promise<void> {
  const text =
    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'";
  const values = [scene.table.split(".")[0]];
  await vi.waitFor(async () => expect((await scene.probe.query({ text, values })).rows.length).toBe(1), {
    timeout: 10_000,
  });
}

async function inTransaction() {
  const client = await scene.client();
  await client.query("BEGIN");
  return { client, sent: sentOn(client), store: scene.store().inTransaction(client) };
}

it("a call that got no answer in time sends nothing to the next user of its client", async () => {
  const key = newKey();
  const commit = await heldElsewhere(key);
  const pool = scene.another({}, { max: 1 });
  const client = await pool.connect();
  await client.query("BEGIN");
  const sent = sentOn(client);
  const { execute } = createIdempotency({
    store: postgresStore(pool, { table: scene.table }).inTransaction(client),
    storeTimeout: "0.2s",
  });
  await expect(execute(key, "1m", () => "never")).rejects.toMatchObject({ code: "STORE_ERROR" });
  const back = client.query("ROLLBACK").then(() => client.release());
  // Long enough for the engine to ask again.
  await sleep(400);
  await commit();
  await back;
  const next = await pool.connect();
  onTestFinished(() => next.release());
  expect(next).toBe(client);
  await next.query("BEGIN");
  await sleep(1_500);
  await next.query("COMMIT");
  expect(sent).toEqual(["ours", "ROLLBACK", "BEGIN", "COMMIT"]);
  expect(await scene.store().read(key)).toMatchObject({ runId: "holder", attempt: 1 });
});

it("a claim that lands after it was abandoned takes nothing, and is followed by nothing", async () => {
  const key = newKey();
  const commit = await heldElsewhere(key);
  const { client, sent, store } = await inTransaction();
  const late = Promise.resolve(store.claim(key, { token: "late", ...LONG })).catch(error => error);
  await waiting();
  store.abandoned?.(key);
  const back = client.query("ROLLBACK");
  await commit();
  expect(await late).toMatchObject({
    code: "STORE_ERROR",
    message: expect.stringContaining("inTransaction"),
  });
  await back;
  await client.query("BEGIN");
  expect(await store.release(key, "late")).toBe(true);
  await expect(store.complete("other", "late", "x", 1_000)).resolves.toBe(false);
  await expect(store.claim("other", { token: "late", ...LONG })).rejects.toMatchObject({
    code: "STORE_ERROR",
  });
  expect(sent).toEqual(["ours", "ROLLBACK", "BEGIN"]);
});

it("a claim that is answered after it was abandoned is left to the rollback", async () => {
  const { client, sent, store } = await inTransaction();
  const late = store.claim("late", { token: "late", ...LONG });
  store.abandoned?.("late");
  expect(await late).toMatchObject({ status: "claimed" });
  expect(await store.release("late", "late")).toBe(true);
  await expect(store.complete("late", "late", "x", 1_000)).rejects.toMatchObject({ code: "STORE_ERROR" });
  await client.query("ROLLBACK");
  expect(sent).toEqual(["ours", "ROLLBACK"]);
});

it("a completion that is repeated before the first is answered ends the store", async () => {
  const key = newKey();
  const { client, sent, store } = await inTransaction();
  await store.claim(key, { token: "a", ...LONG });
  const first = store.complete(key, "a", "sent", LONG.ttlMs);
  // A renewal meanwhile is none of that.
  expect(await store.renew(key, "a", 1_000)).toBe(true);
  await expect(store.complete(key, "a", "sent", LONG.ttlMs)).rejects.toMatchObject({ code: "STORE_ERROR" });
  expect(await first).toBe(true);
  await expect(store.complete(key, "a", "sent", LONG.ttlMs)).rejects.toMatchObject({ code: "STORE_ERROR" });
  await client.query("COMMIT");
  expect(sent).toEqual(["ours", "ours", "COMMIT"]);
  expect(await scene.store().read(key)).toMatchObject({ status: "completed", outcome: "sent" });
});

it("who looks up a key meanwhile ends nothing, and other keys are no concern of it", async () => {
  const { client, store } = await inTransaction();
  const claims = ["a", "b"].map(key => store.claim(key, { token: key, ...LONG }));
  const reads = ["a", "b"].map(key => store.read(key));
  expect(await Promise.all(claims)).toMatchObject([{ status: "claimed" }, { status: "claimed" }]);
  expect(await Promise.all(reads)).toMatchObject([{ runId: "a" }, { runId: "b" }]);
  expect(await store.complete("a", "a", "x", LONG.ttlMs)).toBe(true);
  await client.query("ROLLBACK");
});

it("a key that the store did not claim is not asked about", async () => {
  const { client, sent, store } = await inTransaction();
  const answers = [
    store.release("k", "t"),
    store.renew("k", "t", 0),
    store.complete("k", "t", "x", LONG.ttlMs),
  ];
  expect(await Promise.all(answers)).toEqual([false, false, false]);
  await client.query("ROLLBACK");
  expect(sent).toEqual(["ROLLBACK"]);
});

it("once the transaction has ended, the store says so and sends nothing", async () => {
  const { client, sent, store } = await inTransaction();
  await client.query("COMMIT");
  await expect(store.claim("k", { token: "a", ...LONG })).rejects.toMatchObject({
    code: "STORE_ERROR",
    message: expect.stringContaining("the transaction has ended"),
  });
  expect(sent).toEqual(["COMMIT"]);
});

it("where its COMMIT waits to be sent before a claim, nothing runs as if that were within it", async () => {
  const { client, store } = await inTransaction();
  const commit = client.query("COMMIT");
  const fn = vi.fn();
  const key = newKey();
  const call = createIdempotency({ store }).execute(key, "1m", fn);
  await expect(call).rejects.toMatchObject({
    code: "STORE_ERROR",
    message: expect.stringContaining("the transaction has ended"),
  });
  await commit;
  expect(fn).not.toHaveBeenCalled();
  // What never ran leaves the key free.
  expect(await scene.store().read(key)).toMatchObject({ status: "released" });
});

it("with a listener a transaction notifies nobody: who waits for it waits at the server", async () => {
  const client = await scene.client();
  await client.query("BEGIN");
  const texts: string[] = [];
  const query = client.query.bind(client);
  vi.spyOn(client, "query").mockImplementation(((each: pg.QueryConfig) => {
    texts.push(each.text ?? "");
    return query(each);
  }) as never);
  const store = scene.store({ listener: await scene.client() }).inTransaction(client);
  await store.claim("k", { token: "a", ...LONG });
  await store.complete("k", "a", "sent", LONG.ttlMs);
  expect(texts.length).toBe(2);
  expect(texts.join()).not.toContain("pg_notify");
});
