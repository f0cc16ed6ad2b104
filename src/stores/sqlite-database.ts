import type { Awaitable } from "../store.ts";

/** What the store uses of a prepared statement. */
export interface SqliteStatement {
  all(...values: (string | number | null)[]): unknown[];
}

/**
 * A connection that the caller made and owns, for this store alone: of libsql, of better-sqlite3, or a `DatabaseSync`
 * of `node:sqlite`.
 */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
}

// A driver that waits for the database's lock holds up the whole process, its renewals included. So each try is short,
// and between two of them the process goes on.
const WAIT_MS = 20;
const GIVE_UP_MS = 5_000;

/** Sets the connection up. Throws where the database is busy. */
export function setUp(database: SqliteDatabase, schema: readonly string[]): void {
  database.exec(`PRAGMA busy_timeout = ${WAIT_MS}`);
  database.exec("PRAGMA journal_mode = WAL");
  for (const statement of schema) database.exec(statement);
}

/** Acts at once, or, where another connection has the database's lock, as soon as that is free. */
export function whenFree<T>(act: () => T): Awaitable<T> {
  try {
    return act();
  } catch (error) {
    if (!isBusy(error)) throw error;
    return laterWhenFree(act);
  }
}

async function laterWhenFree<T>(act: () => T): Promise<T> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (;;) {
    // At random, so that those who wait do not all come back at once.
    await new Promise(resolve => setTimeout(resolve, Math.random() * WAIT_MS));
    try {
      return act();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
    }
  }
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  const { code, errcode } = Object(error) as { code?: unknown; errcode?: unknown };
  // The kinds of an error code stand above its lowest byte.
  return String(code).startsWith("SQLITE_BUSY") || (Number(errcode) & 0xff) === SQLITE_BUSY;
}

/** Whether a transaction is open on the connection: what is written then may yet be undone. */
export function isInTransaction(database: SqliteDatabase): boolean {
  const { inTransaction, isTransaction } = database as { inTransaction?: boolean; isTransaction?: boolean };
  return inTransaction === true || isTransaction === true;
}
