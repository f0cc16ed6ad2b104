import { AsyncLocalStorage } from "node:async_hooks";
import Database from "libsql";
import PromisedDatabase from "libsql/promise";
import pg from "pg";
import postgres from "postgres";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type IdempotencyErrorCode } from "../../../src/index.ts";
import { d1Store } from "../../../src/stores/sqlite/d1.ts";
import { durableObjectStore } from "../../../src/stores/sqlite/durable-object.ts";
import { sqliteStore } from "../../../src/stores/sqlite/store.ts";
import { caught } from "../../support/caught.ts";

const LONG = { ttlMs: 60_000, leaseMs: 30_000 };

describe("what is no connection to SQLite is refused at once, with what it is:", () => {
  it.each<[string, unknown, RegExp]>([
    ["a Pool of pg", new pg.Pool(), /a client of PostgreSQL is none: postgresStore/],
    ["postgres.js's sql", postgres("postgres://nobody@127.0.0.1:1/none"), /postgres\.js's sql is none/],
    ["a class", Database, /a class is none: pass an instance made with `new`/],
    ["a promise", Promise.resolve(new Database(":memory:")), /a promise is none: await it/],
    ["libsql/promise", new PromisedDatabase(":memory:", {}), /which answer at once: not libsql\/promise/],
    // By the members that tell them apart.
    [
      "sqlite3",
      { exec() {}, prepare() {}, serialize() {}, parallelize() {}, each() {} },
      /sqlite3, which answers by callbacks, is none/,
    ],
    ["sqlite", { exec() {}, prepare() {}, getDatabaseInstance() {} }, /which answers by promises, is none/],
    ["@libsql/client", { execute() {}, executeMultiple() {} }, /the package libsql/],
    ["a D1 database", { prepare() {}, batch() {}, withSession() {} }, /a D1 database is none: d1Store/],
    ["a Durable Object's storage", { sql: {}, transactionSync() {} }, /none: durableObjectStore takes that/],
    ["a Durable Object's SQL", { exec() {}, databaseSize: 1 }, /none: durableObjectStore takes its storage/],
    ["Drizzle", { $client: new Database(":memory:") }, /a Drizzle database is none/],
    ["Knex", Object.assign(() => {}, { raw() {}, schema: {} }), /Knex is none/],
  ])("%s", (_name, client, message) => {
    expect(caught(() => sqliteStore(client as never), "INVALID_OPTION").message).toMatch(message);
  });
});

it("may give its rows as arrays", async () => {
  const database = new Database(":memory:");
  const inArrays = {
    exec: (sql: string) => database.exec(sql),
    prepare(sql: string) {
      const statement = database.prepare(sql);
      // libsql adds a column of its own.
      const columns = (row: unknown) =>
        row &&
        Object.entries(row)
          .filter(([name]) => name !== "_metadata")
          .map(([, value]) => value);
      return {
        get: (...values: unknown[]) => columns(statement.get(...values)),
        all: (...values: unknown[]) => statement.all(...values).map(columns),
        run: (...values: unknown[]) => statement.run(...values),
      };
    },
  };
  const { execute } = createIdempotency({ store: sqliteStore(inArrays as never) });
  expect(await execute("k", "1m", () => "sent")).toMatchObject({ value: "sent", persisted: true });
  expect(await execute("k", "1m", () => "again")).toMatchObject({ value: "sent", replayed: true });
});

describe("what is no client of Cloudflare's is refused at once, with what to do:", () => {
  it.each<[string, unknown, RegExp]>([
    ["a connection to SQLite", new Database(":memory:"), /without batch/],
    ["a binding that is not there", undefined, /a D1 database, such as env\.DB; got undefined/],
    ["@libsql/client", { batch() {}, executeMultiple() {} }, /sqliteStore takes the package libsql/],
    [
      "a session",
      { prepare() {}, batch() {}, getBookmark() {} },
      /a session of D1 is none: give it the database/,
    ],
    ["a Durable Object's storage", { sql: {}, transactionSync() {} }, /none: durableObjectStore takes that/],
    ["a namespace of Workers KV", { get() {}, put() {}, getWithMetadata() {} }, /nothing there is compared/],
  ])("d1Store: %s", (_name, client, message) => {
    expect(caught(() => d1Store(client as never), "INVALID_OPTION").message).toMatch(message);
  });

  it.each<[string, unknown, RegExp]>([
    ["a D1 database", { prepare() {}, batch() {} }, /a D1 database is none: d1Store takes that/],
    ["a namespace", { idFromName() {}, get() {} }, /make the store in the object itself/],
    ["another object", {}, /ctx\.storage of a Durable Object .* without transactionSync/],
  ])("durableObjectStore: %s", (_name, storage, message) => {
    expect(caught(() => durableObjectStore(storage as never), "INVALID_OPTION").message).toMatch(message);
  });

  it.each<[object, IdempotencyErrorCode, RegExp]>([
    [{ table: "app.keys" }, "INVALID_OPTION", /table: expected a name without a database's before it/],
    [{ purgeEvery: "0s" }, "DURATION_OUT_OF_RANGE", /purgeEvery: expected from 1 s to 24 h/],
    [{ onWarning() {} }, "INVALID_OPTION", /d1Store options: .* table, purgeEvery; got "onWarning"/],
  ])("d1Store's options: %o", (options, code, message) => {
    const database = { prepare() {}, batch() {} } as never;
    expect(caught(() => d1Store(database, options), code).message).toMatch(message);
  });
});

describe("a connection that was closed", () => {
  const closed = { code: "STORE_ERROR", message: expect.stringContaining("one that was closed") };

  it("is a STORE_ERROR in every operation, and not the end of the process", async () => {
    const database = new Database(":memory:");
    const store = sqliteStore(database);
    await store.claim("k", { token: "t", ...LONG });
    database.close();
    const operations = [
      () => store.claim("k", { token: "t", ...LONG }),
      () => store.read("k"),
      () => store.renew("k", "t", 1_000),
      () => store.complete("k", "t", "x", 1_000),
      () => store.release("k", "t"),
      () => store.settle("k", "x", 1_000),
      () => store.reopen("k"),
      () => store.forget("k"),
      () => store.forget("k", { runId: "t", attempt: 1 }),
    ];
    for (const operate of operations) expect(caught(operate, "STORE_ERROR")).toMatchObject(closed);
    await expect(store.purge()).rejects.toMatchObject(closed);
    const { execute, list } = createIdempotency({ store });
    const listing = list()[Symbol.asyncIterator]();
    await expect(listing.next()).rejects.toMatchObject({ code: "STORE_ERROR" });
    await expect(execute("k", "1m", () => 1)).rejects.toMatchObject({ code: "STORE_ERROR" });
  });

  it("makes no store", () => {
    const database = new Database(":memory:");
    database.close();
    expect(caught(() => sqliteStore(database), "STORE_ERROR")).toMatchObject(closed);
  });

  it("in mid-run costs a call its record, and not its value", async () => {
    const database = new Database(":memory:");
    const { execute } = createIdempotency({ store: sqliteStore(database) });
    const call = execute("k", "1m", () => {
      database.close();
      return "sent";
    });
    expect(await call).toMatchObject({ value: "sent", persisted: false });
  });
});

describe("within an open transaction of its connection", () => {
  it("a key is read, and nothing of it is written, which a rollback could take along", async () => {
    const database = new Database(":memory:");
    const store = sqliteStore(database);
    await store.claim("k", { token: "t", ...LONG });
    database.exec("BEGIN");
    const writes = [
      () => store.claim("other", { token: "t", ...LONG }),
      () => store.renew("k", "t", 1_000),
      () => store.complete("k", "t", "x", 1_000),
      () => store.release("k", "t"),
      () => store.settle("k", "x", 1_000),
      () => store.reopen("k"),
      () => store.forget("k"),
    ];
    for (const write of writes) caught(write, "STORE_ERROR");
    await expect(store.purge()).rejects.toMatchObject({ code: "STORE_ERROR" });
    expect(store.read("k")).toMatchObject({ status: "in-progress" });
    const listing = store.list!({ prefix: "", status: "in-progress" })[Symbol.asyncIterator]();
    expect((await listing.next()).value).toMatchObject({ key: "k" });
    expect(await store.claim("k", { token: "u", ...LONG })).toMatchObject({ status: "in-progress" });
    database.exec("ROLLBACK");
    expect(store.read("k")).toMatchObject({ status: "in-progress" });
    expect(store.complete("k", "t", "x", 1_000)).toBe(true);
  });
});

describe("the timer of the purge", () => {
  afterEach(() => vi.restoreAllMocks());

  it("is set in nobody's context", async () => {
    const context = new AsyncLocalStorage<string>();
    const store = sqliteStore(new Database(":memory:"));
    const seen: unknown[] = [];
    const set = globalThis.setTimeout;
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((ring: () => void, ms: number) => {
      if (ms >= 45_000) seen.push(context.getStore());
      return set(ring, ms);
    }) as never);
    await context.run("a call", async () => store.claim("k", { token: "t", ...LONG }));
    await new Promise(resolve => setImmediate(resolve));
    expect(seen).toEqual([undefined]);
  });
});
