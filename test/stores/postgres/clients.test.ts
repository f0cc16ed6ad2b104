import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import Database from "libsql";
import pg from "pg";
import postgres from "postgres";
import { afterEach, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import type { PostgresClient } from "../../../src/stores/postgres/client.ts";
import { postgresStore } from "../../../src/stores/postgres/store.ts";
import { caught } from "../../support/caught.ts";
import { adapted } from "./clients.ts";
import { LONG, postgresScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = postgresScene(() => inject("postgresUrl"));
const newKey = () => `key-${randomUUID()}`;

/** Every kind of answer that a client has to pass on as it is. */
async function works(client: PostgresClient, table = scene.table): Promise<void> {
  const store = postgresStore(client, { table });
  await store.migrate();
  const { execute, inspect, resolve, forget } = createIdempotency({ store });
  const [key, failing, held, taken] = [newKey(), newKey(), newKey(), newKey()];
  expect(await execute(key, "1h", () => ({ n: 1 }), { fingerprint: "f" })).toMatchObject({ replayed: false });
  expect(await execute(key, "1h", () => 2, { fingerprint: "f" })).toMatchObject({
    value: { n: 1 },
    replayed: true,
  });
  expect(await inspect(key)).toMatchObject({ state: "completed", attempt: 1 });
  const failure = new Error("smtp 450");
  await expect(
    execute(failing, "1h", () => {
      throw failure;
    }),
  ).rejects.toBe(failure);
  expect(await execute(failing, "1h", () => "sent")).toMatchObject({ value: "sent", attempt: 2 });
  await store.claim(taken, { token: "t", ...LONG });
  expect(await store.claim(taken, { token: "u", ...LONG })).toMatchObject({ status: "in-progress" });
  await store.renew(taken, "t", 0);
  expect(await store.claim(taken, { token: "u", ...LONG, rerun: true })).toMatchObject({ takeover: true });
  await store.forget(taken);
  await store.claim(held, { token: "t", ...LONG });
  await store.renew(held, "t", 0);
  expect(await store.settle(held, "1", LONG.ttlMs)).toBe(true);
  expect([typeof resolve, await forget(key), await store.purge()]).toEqual(["function", true, 0]);
}

describe("a client with options of its own is read right:", () => {
  it.each<[string, postgres.Options<Record<string, postgres.PostgresType>>]>([
    ["camel", { transform: postgres.camel }],
    ["pascal", { transform: postgres.pascal, fetch_types: false }],
    ["kebab", { transform: postgres.kebab }],
    ["fetch_types off and bigint", { fetch_types: false, types: { bigint: postgres.BigInt } }],
    ["numbers as text", { types: { n: { to: 23, from: [20, 23], parse: String, serialize: String } } }],
  ])("postgres.js, %s", async (_name, options) => {
    const sql = postgres(scene.url, { onnotice: () => {}, ...options });
    await works(adapted(sql)).finally(() => sql.end());
  });

  it("pg in rows that are arrays", async () => {
    await works({ query: query => scene.pool.query({ ...query, rowMode: "array" }) });
  });

  it("pg in binary", async () => {
    await works(scene.another({}, { binary: true } as never));
  });

  const { types } = pg;
  const { TEXT, INT8, INT4, BOOL } = types.builtins;
  const original = [TEXT, INT8, INT4, BOOL].map(oid => [oid, types.getTypeParser(oid)] as const);
  afterEach(() => {
    for (const [oid, parser] of original) types.setTypeParser(oid, parser);
  });

  it("pg with other parsers of types", async () => {
    types.setTypeParser(TEXT, text => ({ text }));
    types.setTypeParser(INT8, BigInt);
    types.setTypeParser(INT4, text => ({ text }));
    types.setTypeParser(BOOL, () => undefined);
    await works(scene.pool);
  });

  it("PGlite, which takes one statement at a time", async () => {
    const db = await PGlite.create();
    await works({ query: ({ text, values }) => db.query(text, values) }, "keys").finally(() => db.close());
  });
});

describe("a client that makes something else of its rows is refused,", () => {
  beforeAll(async () => {
    await scene.store().claim("there", { token: "t", ...LONG });
  });

  const refusal = { code: "STORE_ERROR", message: expect.stringMatching(/^pool: expected .*; got /) };

  it("of which nobody is asked to forget a record", async () => {
    const query: PostgresClient["query"] = async each => {
      const { rows } = await scene.pool.query(each);
      return { rows: rows.map(row => ({ row })) };
    };
    const store = postgresStore({ query }, { table: scene.table });
    await expect(store.read("there")).rejects.toMatchObject(refusal);
    await expect(store.claim("there", { token: "u", ...LONG })).rejects.toMatchObject(refusal);
  });

  it("and so is an adapter that leaves out the rows", async () => {
    const query = async (each: { text: string; values: unknown[] }) => (await scene.pool.query(each)).rows;
    const store = postgresStore({ query } as never, { table: scene.table });
    await expect(store.read("there")).rejects.toMatchObject(refusal);
  });
});

describe("a client with a transaction open is refused", () => {
  const advice = { code: "STORE_ERROR", message: expect.stringContaining("inTransaction(client)") };

  it("when the store is made", async () => {
    const client = await scene.client();
    await client.query("BEGIN");
    expect(caught(() => postgresStore(client), "STORE_ERROR")).toMatchObject(advice);
    await client.query("ROLLBACK");
  });

  it("in each operation that writes, and works before and after", async () => {
    const client = await scene.client();
    const store = postgresStore(client, { table: scene.table });
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    await client.query("BEGIN");
    const query = vi.spyOn(client, "query");
    const writes = [
      () => store.claim(key, { token: "b", ...LONG }),
      () => store.renew(key, "a", 1_000),
      () => store.complete(key, "a", "x", LONG.ttlMs),
      () => store.release(key, "a"),
      () => store.settle(key, "x", LONG.ttlMs),
      () => store.reopen(key),
      () => store.forget(key),
      () => store.purge(),
    ];
    for (const write of writes) await expect(write()).rejects.toMatchObject(advice);
    expect(query).not.toHaveBeenCalled();
    expect(await store.read(key)).toMatchObject({ status: "in-progress" });
    await client.query("SELECT 1 / 0").catch(() => {});
    await expect(store.complete(key, "a", "x", LONG.ttlMs)).rejects.toMatchObject(advice);
    await client.query("ROLLBACK");
    expect(await store.complete(key, "a", "x", LONG.ttlMs)).toBe(true);
  });

  it("also where its BEGIN waits to be sent before what is asked, and nothing runs", async () => {
    const client = await scene.client();
    const store = postgresStore(client, { table: scene.table });
    const { execute } = createIdempotency({ store });
    const elsewhere = createIdempotency({ store: scene.store() });
    const key = newKey();
    const send = vi.fn(() => "sent");
    // As many claims as are joined into one statement, and one that goes alone.
    for (const keys of [[key], [key, newKey(), newKey(), newKey()]]) {
      const begin = client.query("BEGIN");
      const calls = keys.map(each => execute(each, "1h", send));
      for (const call of calls) await expect(call).rejects.toMatchObject(advice);
      await begin;
      await client.query("ROLLBACK");
    }
    const begin = client.query("BEGIN");
    const many = await store.claimMany!(
      [1, 2].map(n => ({ key: newKey(), request: { token: `${n}`, ...LONG } })),
    );
    expect(many).toEqual([expect.objectContaining(advice), expect.objectContaining(advice)]);
    await begin;
    await client.query("ROLLBACK");
    expect(send).not.toHaveBeenCalled();
    expect(await elsewhere.execute(key, "1h", send)).toMatchObject({ value: "sent", attempt: 1 });
  });

  it("and one in pipeline mode always, whose transactions may be over before anybody sees them", async () => {
    const client = new pg.Client({ connectionString: scene.url, pipeline: true });
    expect(() => postgresStore(client)).toThrow(/^pool: expected .* without the option pipeline/);
    // A pool gives each statement a connection of its own.
    await works(scene.another({}, { pipeline: true }));
  });

  it("so that a rollback takes no record of a run with it", async () => {
    const client = await scene.client();
    const { execute } = createIdempotency({ store: postgresStore(client, { table: scene.table }) });
    const key = newKey();
    const send = vi.fn(() => "sent");
    await client.query("BEGIN");
    await expect(execute(key, "1h", send)).rejects.toMatchObject({ code: "STORE_ERROR" });
    await client.query("ROLLBACK");
    expect(await execute(key, "1h", send)).toMatchObject({ value: "sent", attempt: 1 });
    expect(send).toHaveBeenCalledTimes(1);
  });
});

describe("what is no client of PostgreSQL is refused at once, with what it is:", () => {
  const sql = postgres("postgres://nobody@127.0.0.1:1/none");

  it.each<[string, unknown, RegExp]>([
    ["postgres.js's sql", sql, /postgres\.js's sql is none: pass an adapter: .*sql\.unsafe/],
    ["a class", pg.Pool, /a class is none/],
    ["a promise", Promise.resolve(new pg.Pool()), /a promise is none: await it/],
    ["a Database of SQLite", new Database(":memory:"), /a Database of SQLite is none: sqliteStore/],
    ["PGlite", new PGlite(), /PGlite is none: pass an adapter/],
    // By the members that tell them apart.
    ["Drizzle", { $client: {}, query: {}, execute() {} }, /a Drizzle database is none/],
    ["Knex", Object.assign(() => {}, { raw() {}, schema: {} }), /Knex is none/],
    ["mysql2", { query() {}, execute() {}, escape() {} }, /a client of mysql or mysql2 is none/],
    ["mysql", { query() {}, escape() {}, escapeId() {} }, /a client of mysql or mysql2 is none/],
    [
      "Neon's sql",
      Object.assign(() => {}, { query() {}, unsafe() {}, transaction() {} }),
      /Neon's sql is none: pass a Pool of @neondatabase\/serverless/,
    ],
    ["nothing", undefined, /^pool: expected a Pool or Client of pg/],
    ["a text", "postgres://", /^pool: expected a Pool or Client of pg/],
  ])("%s", (_name, client, message) => {
    expect(caught(() => postgresStore(client as never), "INVALID_OPTION").message).toMatch(message);
  });
});
