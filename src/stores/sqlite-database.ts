import { StoreError } from "../errors.ts";
import type { Awaitable } from "../store.ts";
import { type SqlStatement, type SqlValues, valuesOf } from "./sql.ts";
import type { SqlRow } from "./sql-record.ts";

/** A prepared statement, as libsql, better-sqlite3 and node:sqlite have it. */
export interface SqliteStatement {
  all(...values: (string | number | null)[]): unknown[];
}

/** A connection to SQLite, as libsql, better-sqlite3 and node:sqlite make it. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  /** Whether it is open: libsql's and better-sqlite3's name for it. */
  readonly open?: boolean;
  /** Whether it is open: node:sqlite's name for it. */
  readonly isOpen?: boolean;
}

// SQLite itself waits by blocking the event loop, and with it the renewal of leases: short enough for that.
const BLOCKING_MS = 5;
// Less than the default `storeTimeout`, so that a caller hears of the lock.
const PATIENCE_MS = 4_500;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

/** Statements on one connection, each prepared once. */
export class SqliteConnection {
  readonly #database: SqliteDatabase;
  readonly #prepared = new Map<SqlStatement, SqliteStatement>();

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  get isClosed(): boolean {
    return this.#database.open === false || this.#database.isOpen === false;
  }

  /** Makes what the statements need where it is missing. */
  setUp(schema: readonly string[]): void {
    this.#database.exec(`PRAGMA busy_timeout = ${BLOCKING_MS}`);
    // An open transaction would keep the mode as it is, and take the table with it when it is rolled back.
    this.write(() => {});
    if (!this.#hasJournal()) this.#database.exec("PRAGMA journal_mode = WAL");
    if (!this.#hasJournal()) {
      throw new StoreError(
        "database: expected SQLite to go over to WAL; it does not: is the file on a local disk?",
      );
    }
    this.write(() => {
      for (const sql of schema) this.#database.exec(sql);
    });
  }

  #hasJournal(): boolean {
    const [row] = this.#database.prepare("PRAGMA journal_mode").all() as { journal_mode?: unknown }[];
    return row?.journal_mode === "wal" || row?.journal_mode === "memory";
  }

  /**
   * Runs a statement to its end. Never by `get`: after a run that failed, libsql's would take up the old values, and
   * where there is no COMMIT of its own to fail, nobody's `get` tells of a full disk.
   */
  ask(form: SqlStatement, values: Partial<SqlValues>): readonly SqlRow[] {
    let prepared = this.#prepared.get(form);
    if (prepared === undefined) {
      prepared = this.#database.prepare(form.text);
      this.#prepared.set(form, prepared);
    }
    return prepared.all(...valuesOf(form, values)) as SqlRow[];
  }

  /**
   * Does it in a transaction of its own. It has the lock before it runs a prepared statement, for libsql does not let
   * go of one that met a locked database: what other statements write is then not committed.
   */
  write<T>(act: () => T): T {
    this.#begin();
    try {
      const result = act();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  #begin(): void {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
    } catch (error) {
      if (!String(error).includes("within a transaction")) throw error;
      const why = "what is written now could be rolled back. Give the store a connection of its own";
      throw new StoreError(`database: expected no open transaction; got one: ${why}`, { cause: error });
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // A full disk, for one, has rolled it back already.
    }
  }
}

/** Whether somebody else has the lock. */
function isBusy(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  // node:sqlite gives SQLite's number, whose lowest byte is the class of the error.
  return String(code).startsWith("SQLITE_BUSY") || (typeof errcode === "number" && (errcode & 0xff) === 5);
}

/** Does it at once if it can; while the database is locked, again and again, without blocking, for a bounded time. */
export function patiently<T>(act: () => T): Awaitable<T> {
  try {
    return act();
  } catch (error) {
    if (!isBusy(error)) throw error;
    return again(act);
  }
}

async function again<T>(act: () => T): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    // At random, so that those who wait do not come back in lockstep.
    await new Promise(resolve => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
    try {
      return act();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
    }
  }
}
