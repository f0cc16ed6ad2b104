import { join } from "node:path";
import type BetterSqlite3 from "better-sqlite3";
import Database from "libsql";
import { afterAll, afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import type { SqliteDatabase } from "../../../src/stores/sqlite/database.ts";
import type { SqliteStoreOptions } from "../../../src/stores/sqlite/options.ts";
import { sqliteStore } from "../../../src/stores/sqlite/store.ts";
import { caught } from "../../support/caught.ts";
import { sqliteFolder } from "./harness.ts";

const LONG = { ttlMs: 60_000, leaseMs: 30_000 };
const FIRST = { status: "claimed", attempt: 1, takeover: false, fingerprint: undefined };

const files = sqliteFolder(file => new Database(file));
afterAll(() => files.close());

let file: string;
let database: Database.Database;
beforeEach(() => {
  file = `${crypto.randomUUID()}.db`;
  database = files.connect(file) as Database.Database;
});

const count = (table = "idempotency_keys") => database.prepare(`SELECT key FROM ${table}`).all().length;
const pragma = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).all()[0] as object)[0];

type SqlValue = null | number | bigint | string | Uint8Array;

/** As `@types/node` of Node.js 24 has it. */
interface DatabaseSync {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): {
    all(...values: SqlValue[]): Record<string, SqlValue>[];
    get(...values: SqlValue[]): Record<string, SqlValue> | undefined;
    run(...values: SqlValue[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  };
}

describe("a store in SQLite", () => {
  it("takes the clients' own types", () => {
    expectTypeOf<Database.Database>().toExtend<SqliteDatabase>();
    expectTypeOf<BetterSqlite3.Database>().toExtend<SqliteDatabase>();
    expectTypeOf<DatabaseSync>().toExtend<SqliteDatabase>();
  });

  it("makes its table, with WAL, and leaves the owner's synchronous as it is", () => {
    database.exec("PRAGMA synchronous = FULL");
    sqliteStore(database, { table: "Sent_keys" });
    expect(count('"Sent_keys"')).toBe(0);
    expect(pragma("journal_mode")).toBe("wal");
    expect(pragma("synchronous")).toBe(2);
    expect(pragma("busy_timeout")).toBe(5);
  });

  it("answers at once, without a promise", async () => {
    const store = sqliteStore(database);
    expect(store.claim("k", { token: "t", ...LONG })).toEqual({ ...FIRST, runId: "t" });
    expect(store.renew("k", "t", 5_000)).toBe(true);
    expect(store.complete("k", "t", "sent", 60_000)).toBe(true);
    expect(store.read("k")).toMatchObject({ outcome: "sent" });
    expect(store.forget("k")).toBe(true);
  });

  it("keeps its records when it is opened again", async () => {
    const store = sqliteStore(database);
    await store.claim("k", { token: "t", ...LONG });
    await store.complete("k", "t", "sent", 60_000);
    database.close();
    const again = sqliteStore(files.connect(file));
    expect(await again.claim("k", { token: "u", ...LONG })).toMatchObject({ outcome: "sent" });
  });

  it("keeps apart from another with a table of its own", async () => {
    const [one, other] = [sqliteStore(database), sqliteStore(database, { table: "others" })];
    await one.claim("k", { token: "t", ...LONG });
    expect(await other.claim("k", { token: "u", ...LONG })).toMatchObject({ status: "claimed" });
  });

  it("may be in memory", async () => {
    const store = sqliteStore(new Database(":memory:"));
    await store.claim("k", { token: "t", ...LONG });
    expect(await store.claim("k", { token: "u", ...LONG })).toMatchObject({ status: "in-progress" });
  });

  it("refuses a database without WAL", () => {
    // With locks by files there is no memory to share, which WAL takes.
    const withoutWal = new Database(`file:${join(files.folder, file)}?vfs=unix-dotfile`);
    const { message } = caught(() => sqliteStore(withoutWal), "STORE_ERROR");
    withoutWal.close();
    expect(message).toMatch(/^database: expected SQLite to go over to WAL/);
  });

  it("throws what is wrong with its database when it is made", () => {
    database.exec("CREATE TABLE t (key text); CREATE INDEX idempotency_keys ON t (key)");
    expect(() => sqliteStore(database)).toThrow("already");
  });

  it("keeps an outcome of several megabytes", async () => {
    const store = sqliteStore(database);
    const outcome = `é\0😀\ud800${"x".repeat(5 * 2 ** 20)}`;
    await store.claim("k", { token: "t", ...LONG });
    await store.complete("k", "t", outcome, 60_000);
    expect((await store.read("k"))?.outcome === outcome).toBe(true);
  });
});

describe("options of a store in SQLite", () => {
  it.each<[string, unknown, unknown]>([
    ["database: expected a Database of libsql or better-sqlite3", {}, {}],
    ["database: expected a Database of libsql or better-sqlite3", undefined, {}],
    ["table: expected a name without a database's before it; got", "db", { table: "main.keys" }],
    ["table: expected a name of 1 to 51 ASCII letters", "db", { table: "a b" }],
    ["onWarning: expected a function", "db", { onWarning: "loud" }],
    ["sqliteStore options: expected one of table, purgeEvery, onWarning", "db", { tabel: "keys" }],
  ])("are refused: %s", (message, client, options) => {
    const given = (client === "db" ? database : client) as SqliteDatabase;
    const error = caught(() => sqliteStore(given, options as SqliteStoreOptions), "INVALID_OPTION");
    expect(error.message).toContain(message);
  });

  it("are refused: purgeEvery", () => {
    caught(() => sqliteStore(database, { purgeEvery: "1 week" as "1s" }), "INVALID_DURATION");
    caught(() => sqliteStore(database, { purgeEvery: "0.5s" }), "DURATION_OUT_OF_RANGE");
  });
});

describe("records past their time", () => {
  afterEach(() => vi.useRealTimers());

  function expire(): void {
    database.exec("UPDATE idempotency_keys SET lease_until = 1, expires_at = 1, purge_at = 1");
  }

  async function claimMany(store: ReturnType<typeof sqliteStore>, many: number) {
    for (let n = 0; n < many; n++) await store.claim(`k${n}`, { token: "t", ...LONG });
  }

  it("are removed by purge, however many, and counted", async () => {
    const store = sqliteStore(database);
    await claimMany(store, 1_001);
    expire();
    await claimMany(store, 1);
    expect(await store.purge()).toBe(1_000);
    expect(count()).toBe(1);
    expect(await store.purge()).toBe(0);
  });

  it("are found by an index", () => {
    sqliteStore(database);
    const plan =
      "EXPLAIN QUERY PLAN SELECT key FROM idempotency_keys WHERE purge_at <= 5 AND expires_at <= 5 ORDER BY purge_at";
    const [step] = database.prepare(plan).all() as { detail: string }[];
    expect(step?.detail).toContain("INDEX idempotency_keys_purge_at (purge_at<?)");
  });

  it("are removed again and again, and a failure is reported once for as long as it lasts", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const onWarning = vi.fn();
    const store = sqliteStore(database, { purgeEvery: "10s", onWarning });
    await claimMany(store, 3);
    for (let round = 0; round < 2; round++) {
      expire();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(count()).toBe(0);
      await claimMany(store, 3);
    }
    database.exec("ALTER TABLE idempotency_keys RENAME TO gone");
    await vi.advanceTimersByTimeAsync(30_000);
    expect(onWarning.mock.calls).toEqual([
      [{ code: "PURGE_FAILED", message: expect.stringContaining("SQLite") }],
    ]);
    database.exec("ALTER TABLE gone RENAME TO idempotency_keys");
    expire();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(count()).toBe(0);
  });

  it("are nobody's concern once the database is closed", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const onWarning = vi.fn();
    const store = sqliteStore(database, { purgeEvery: "10s", onWarning });
    await claimMany(store, 1);
    database.close();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(onWarning).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});
