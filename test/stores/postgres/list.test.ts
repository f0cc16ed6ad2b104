import { describe, expect, inject, it, vi } from "vitest";
import { createIdempotency, type IdempotencyStore, type ListQuery } from "../../../src/index.ts";
import { postgresSchema, postgresStore } from "../../../src/stores/postgres/store.ts";
import { rejection } from "../../support/calls.ts";
import { LONG, postgresScene } from "./scene.ts";

const scene = postgresScene(() => inject("postgresUrl"));
let tables = 0;

/** A table of its own, and a store on it. */
async function open() {
  const table = `${scene.table}_${tables++}`;
  await scene.probe.query(postgresSchema(table));
  return { table, store: postgresStore(scene.pool, { table }) };
}

async function keysOf(store: IdempotencyStore, query: Partial<ListQuery> = {}) {
  const keys: string[] = [];
  for await (const { key } of store.list!({ prefix: "", status: "uncertain", ...query })) keys.push(key);
  return keys;
}

async function hold(store: IdempotencyStore, key: string) {
  await store.claim(key, { token: "a", ...LONG });
  await store.renew(key, "a", 0);
}

describe("a listing of a table of PostgreSQL", () => {
  it("has all keys of many pages, and asks no more than a statement for each", async () => {
    const { table, store } = await open();
    await scene.probe.query(`INSERT INTO ${table}
SELECT 'k' || n, 2, 1, 1000, n, 0, 9e15, 9e15, false, 'a', 'run', null, null FROM generate_series(1, 2500) AS n`);
    const query = vi.spyOn(scene.pool, "query");
    const keys = await keysOf(store);
    expect(query.mock.calls.length).toBe(4);
    query.mockRestore();
    expect(keys).toEqual(Array.from({ length: 2_500 }, (_, n) => `k${n + 1}`).sort());
    expect((await keysOf(store, { prefix: "k24" })).length).toBe(111);
    expect(await keysOf(store, { status: "completed" })).toEqual([]);
  });

  it("writes nothing, and waits for nobody who has a record locked", async () => {
    const { table, store } = await open();
    await hold(store, "k");
    const client = await scene.client();
    await client.query("BEGIN");
    await client.query(`SELECT 1 FROM ${table} WHERE key = 'k' FOR UPDATE`);
    const row = async () => (await scene.probe.query(`SELECT ctid, xmin, xmax FROM ${table}`)).rows;
    const before = await row();
    expect(await keysOf(store)).toEqual(["k"]);
    expect(await row()).toEqual(before);
    await client.query("ROLLBACK");
  });

  it("leaves out what it cannot read", async () => {
    const { table, store } = await open();
    for (const key of ["a", "b", "c"]) await hold(store, key);
    await scene.probe.query(`UPDATE ${table} SET version = 1 WHERE key = 'a'`);
    await scene.probe.query(`UPDATE ${table} SET attempt = 0 WHERE key = 'b'`);
    expect(await keysOf(store)).toEqual(["c"]);
  });

  it("has the results of what is completed", async () => {
    const { store } = await open();
    const outcomes = Array.from({ length: 120 }, (_, n) => `${n}`.repeat(10_000));
    for (const [n, outcome] of outcomes.entries()) {
      await store.claim(`k${n}`, { token: "a", ...LONG });
      await store.complete(`k${n}`, "a", outcome, LONG.ttlMs);
    }
    const found = new Map<string, string | undefined>();
    for await (const { key, outcome } of store.list!({ prefix: "k", status: "completed" }))
      found.set(key, outcome);
    expect(found.size).toBe(120);
    for (const [n, outcome] of outcomes.entries()) expect(found.get(`k${n}`)).toBe(outcome);
  });

  it("within a transaction has what that has written", async () => {
    const { table, store } = await open();
    await hold(store, "before");
    const client = await scene.client();
    await client.query("BEGIN");
    const within = postgresStore(scene.pool, { table }).inTransaction(client);
    await hold(within, "within");
    expect(await keysOf(within)).toEqual(["before", "within"]);
    expect(await keysOf(store)).toEqual(["before"]);
    await client.query("ROLLBACK");
    expect(await keysOf(store)).toEqual(["before"]);
  });

  it("fails in time when there is no answer", async () => {
    const store = postgresStore({ query: () => new Promise<never>(() => {}) });
    const { list } = createIdempotency({ store, storeTimeout: { milliseconds: 20 } });
    expect(await rejection(list()[Symbol.asyncIterator]().next())).toMatchObject({
      code: "STORE_ERROR",
      message: "The store failed to list: no answer within 20 ms",
    });
  });
});
