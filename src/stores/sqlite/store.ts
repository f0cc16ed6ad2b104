import type { IdempotencyStore } from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { purgeRegularly } from "../sql/purge.ts";
import { expectDatabase } from "./client.ts";
import { isBusy, patience, SqliteConnection, type SqliteDatabase } from "./database.ts";
import { sqliteOperations } from "./operations.ts";
import { readSqliteOptions, type SqliteStoreOptions } from "./options.ts";
import { schemaOf, sqliteForms } from "./statements.ts";

/** An {@link IdempotencyStore} in a table of SQLite. */
export interface SqliteStore extends IdempotencyStore {
  /**
   * Removes all expired records, 500 at a time, and returns how many it removed. The store also does so by itself:
   * see `purgeEvery`.
   */
  purge(): Promise<number>;
}

/**
 * Returns a store in SQLite. It protects all processes of one machine that open the file, by the machine's clock.
 * It creates its table, puts the database into WAL mode, and sets the connection's `busy_timeout` to 5 ms. If
 * another process writes for longer, it waits up to 4.5 seconds without blocking, and then throws the client's
 * `SQLITE_BUSY`. A replay is one `SELECT`. Expired records are replaced by the next claim of their key, and
 * removed in the background.
 *
 * @example
 * ```ts
 * import Database from "libsql";
 * import { createIdempotency } from "with-idempotency";
 * import { sqliteStore } from "with-idempotency/sqlite";
 *
 * const store = sqliteStore(new Database(":memory:")); // a file, which all processes open
 * const { withIdempotency } = createIdempotency({ store });
 * console.log(await withIdempotency(["order-shipped", 42], "24h", () => "sent")); // → sent
 * ```
 *
 * @param database A `Database` of libsql or better-sqlite3, or a `DatabaseSync` of node:sqlite, with SQLite 3.35
 * or later. Use it for nothing else, and close it yourself. While it has an open transaction, the store refuses to
 * write, because that could be rolled back.
 * @throws InvalidOptionError `INVALID_OPTION`
 * @throws StoreError `STORE_ERROR` if it is closed, if a transaction is open, or if the file cannot use WAL
 */
export function sqliteStore(database: SqliteDatabase, options: SqliteStoreOptions = {}): SqliteStore {
  expectDatabase(database);
  const { table, purgeEveryMs: everyMs, onWarning } = readSqliteOptions(options);
  const connection = new SqliteConnection(database);
  const operations = sqliteOperations(connection, sqliteForms(table), whenSetUp(connection, schemaOf(table)));
  const purging = { everyMs, onWarning, where: "SQLite", isOver: () => connection.isClosed };
  let isPurging = false;

  const startPurging = () => {
    if (!isPurging) purgeRegularly(store, purging);
    isPurging = true;
  };

  const store: SqliteStore = {
    ...operations,
    claim(key, request) {
      startPurging();
      return operations.claim(key, request);
    },
    claimMany(items) {
      startPurging();
      return operations.claimMany(items);
    },
  };
  return store;
}

/** Makes the table now, or, where the database is locked, with what is done first, which waits for the lock. */
function whenSetUp(connection: SqliteConnection, schema: readonly string[]) {
  let isSetUp = false;
  const setUp = () => {
    if (!isSetUp) connection.setUp(schema);
    isSetUp = true;
  };
  try {
    setUp();
  } catch (error) {
    if (!isBusy(error)) throw error;
  }
  const patiently = patience(connection);
  return <T>(act: () => T): Awaitable<T> =>
    patiently(() => {
      setUp();
      return act();
    });
}
