import { StoreError } from "../../contract/errors.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { type SqlStatement, type SqlValues, valuesOf } from "../sql/operations.ts";
import type { SqlRow } from "../sql/record.ts";
import { type Connection, columnsOf, recordRow } from "./connection.ts";

type Value = string | number | null;

/** A prepared statement, as libsql, better-sqlite3 and node:sqlite have it. */
export interface SqliteStatement {
  get(...values: Value[]): unknown;
  all(...values: Value[]): unknown[];
  run(...values: Value[]): { changes: number | bigint };
  /** Makes it return arrays. libsql and better-sqlite3 have it. */
  raw?(on: boolean): unknown;
}

/** A connection to SQLite, as libsql, better-sqlite3 and node:sqlite make it. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  /** Whether a transaction is open: libsql's and better-sqlite3's name for it. */
  readonly inTransaction?: boolean;
  /** Whether a transaction is open: node:sqlite's name for it, since Node.js 22.16. */
  readonly isTransaction?: boolean;
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

/** Statements on one connection, each prepared once. Each is a transaction of its own, unless it is told otherwise. */
export class SqliteConnection implements Connection {
  readonly #database: SqliteDatabase;
  // Whether the open transaction is this connection's own.
  #isOwn = false;
  #blockingMs = BLOCKING_MS;
  readonly #prepared = new Map<SqlStatement, SqliteStatement>();

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  get isClosed(): boolean {
    return this.#database.open === false || this.#database.isOpen === false;
  }

  /** Says whether to block for a moment where somebody else has the lock. */
  block(isWanted: boolean): void {
    const ms = isWanted ? BLOCKING_MS : 0;
    if (ms === this.#blockingMs || this.isClosed) return;
    this.#database.exec(`PRAGMA busy_timeout = ${ms}`);
    this.#blockingMs = ms;
  }

  /** Makes what the statements need where it is missing. */
  setUp(schema: readonly string[]): void {
    this.#expectOpen();
    this.#refuseTransaction();
    this.#database.exec(`PRAGMA busy_timeout = ${this.#blockingMs}`);
    if (!this.#hasJournal()) this.#database.exec("PRAGMA journal_mode = WAL");
    if (!this.#hasJournal()) {
      throw new StoreError(
        "database: expected SQLite to go over to WAL; it does not: is the file on a local disk?",
      );
    }
    for (const sql of schema) this.#database.exec(sql);
  }

  #hasJournal(): boolean {
    const [row] = this.#database.prepare("PRAGMA journal_mode").all();
    const [mode] = columnsOf(row);
    return mode === "wal" || mode === "memory";
  }

  /** The row of a record that a statement finds. It writes nothing. */
  find(form: SqlStatement, values: Partial<SqlValues>): SqlRow | undefined {
    this.#expectOpen();
    return this.#perform(form, values, true, (statement, inPlace) => recordRow(statement.get(...inPlace)));
  }

  /** All rows that a statement finds, in the order of their columns. It writes nothing. */
  findAll(form: SqlStatement, values: Partial<SqlValues>): (readonly unknown[])[] {
    this.#expectOpen();
    return this.#perform(form, values, true, (statement, inPlace) =>
      statement.all(...inPlace).map(columnsOf),
    );
  }

  /** How many rows a statement changes. */
  change(form: SqlStatement, values: Partial<SqlValues>): number {
    this.#expectOpen();
    this.#refuseTransaction();
    return this.#perform(form, values, false, (statement, inPlace) =>
      Number(statement.run(...inPlace).changes),
    );
  }

  /** The row that a statement writes. By `all`, since `get` ends before the commit and hears nothing of a full disk. */
  write(form: SqlStatement, values: Partial<SqlValues>): SqlRow | undefined {
    this.#expectOpen();
    this.#refuseTransaction();
    return this.#perform(form, values, true, (statement, inPlace) => recordRow(statement.all(...inPlace)[0]));
  }

  /** Does it as one transaction: all of it, or nothing if it throws. */
  together<T>(act: () => T): T {
    this.#expectOpen();
    this.#refuseTransaction();
    // Waits for who writes before it has done anything, so that it can be done again as a whole.
    this.#database.exec("BEGIN IMMEDIATE");
    this.#isOwn = true;
    try {
      const done = act();
      this.#database.exec("COMMIT");
      return done;
    } catch (error) {
      this.#rollBack();
      throw error;
    } finally {
      this.#isOwn = false;
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // SQLite has done so by itself, as where the disk is full.
    }
  }

  #perform<T>(
    form: SqlStatement,
    values: Partial<SqlValues>,
    hasRows: boolean,
    act: (statement: SqliteStatement, inPlace: Value[]) => T,
  ): T {
    const statement = this.#prepared.get(form) ?? this.#prepare(form, hasRows);
    const inPlace = valuesOf(form, values);
    try {
      return act(statement, inPlace);
    } catch (error) {
      this.#abandon(form, () => act(statement, inPlace));
      throw error;
    }
  }

  #prepare(form: SqlStatement, hasRows: boolean): SqliteStatement {
    const statement = this.#database.prepare(form.text);
    // An array takes half the time of an object. better-sqlite3 refuses where there is no row to come.
    if (hasRows) statement.raw?.(true);
    this.#prepared.set(form, statement);
    return statement;
  }

  /**
   * Ends a statement that failed. libsql lets one that met a lock stand: what other statements write is not committed
   * meanwhile, and its next run takes up its old values. While writing is forbidden it fails for good.
   */
  #abandon(form: SqlStatement, again: () => unknown): void {
    this.#prepared.delete(form);
    try {
      this.#database.exec("PRAGMA query_only = ON");
      again();
    } catch {
      // As it should.
    } finally {
      this.#database.exec("PRAGMA query_only = OFF");
    }
  }

  /** libsql ends the process where a closed connection is asked for anything. */
  #expectOpen(): void {
    if (!this.isClosed) return;
    throw new StoreError(
      "database: expected an open connection; got one that was closed. Close it after the last call",
    );
  }

  #refuseTransaction(): void {
    if (this.#isOwn || !(this.#database.inTransaction ?? this.#database.isTransaction)) return;
    const why = "what is written now could be rolled back. Give the store a connection of its own";
    throw new StoreError(`database: expected no open transaction; got one: ${why}`);
  }
}

/** Whether somebody else has the lock. */
export function isBusy(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  // node:sqlite gives SQLite's number, whose lowest byte is the class of the error.
  return String(code).startsWith("SQLITE_BUSY") || (typeof errcode === "number" && (errcode & 0xff) === 5);
}

// At random, so that those who wait do not come back in lockstep.
const rest = (ms: number) => new Promise(resolve => setTimeout(resolve, ms * (0.5 + Math.random() / 2)));

/**
 * Does what it is given at once if it can. While the database is locked, tries again and again for a bounded time. Each
 * try blocks, so of all who wait only the first tries: the others come after it, whether or not it got the lock.
 */
export function patience(connection: SqliteConnection): <T>(act: () => T) => Awaitable<T> {
  let last: Promise<unknown> | undefined;

  async function again<T>(act: () => T, before: Promise<unknown> = rest(FIRST_PAUSE_MS)): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    await before;
    for (let pause = 2 * FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        connection.block(performance.now() < deadline);
        return act();
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw error;
      }
      await rest(pause);
    }
  }

  return act => {
    try {
      // A replay needs no lock, so it waits for nobody.
      connection.block(last === undefined);
      return act();
    } catch (error) {
      if (!isBusy(error)) throw error;
      const done = again(act, last);
      const end = () => {
        if (last === over) last = undefined;
      };
      const over = done.then(end, end);
      last = over;
      return done;
    }
  };
}
