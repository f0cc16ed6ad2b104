import { expectFunction, expectMethods, readByRules } from "../rules.ts";
import type { Awaitable, ClaimRequest, ClaimResult, IdempotencyStore } from "../store.ts";
import {
  claimValues,
  type SqlDialect,
  type SqlStatement,
  type SqlValues,
  sqlTexts,
  statement,
  valuesOf,
} from "./sql.ts";
import { purgeRegularly } from "./sql-purge.ts";
import { claimResult, type SqlRow, storeRecord } from "./sql-record.ts";
import { quotedTable, tableSchema } from "./sql-table.ts";
import {
  isInTransaction,
  type SqliteDatabase,
  type SqliteStatement,
  setUp,
  whenFree,
} from "./sqlite-database.ts";
import { type StoreWarning, warnProcess } from "./warning.ts";

export type { SqliteDatabase, SqliteStatement } from "./sqlite-database.ts";
export type { StoreWarning } from "./warning.ts";

/** How a `sqliteStore` is set up. */
export interface SqliteStoreOptions {
  /**
   * The table, which the store makes: ASCII letters, digits and underscores, at most 51.
   * @default "idempotency_keys"
   */
  table?: string | undefined;
  /**
   * Told of what an operator should know, such as a purge that fails. What it throws is ignored.
   * @default a process warning of type `IdempotencyWarning`
   */
  onWarning?: ((warning: StoreWarning) => void) | undefined;
}

/** An {@link IdempotencyStore} in a file of SQLite. */
export interface SqliteStore extends IdempotencyStore {
  /**
   * Removes all records past their time, a thousand at once, and answers how many they were. The store does so by
   * itself too, about once a minute.
   */
  purge(): Promise<number>;
}

const DIALECT: SqlDialect = {
  // Days since noon in 4714 BC, as every version has them; a millisecond is well within a double's reach.
  now: "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)",
  skipLocked: "",
  parameters: "anonymous",
};

const PURGE_MS = 60_000;
const BATCH = 1_000;
// Each further one takes another process's claim that comes and goes just in between.
const CLAIM_TRIES = 10;

const RULES = {
  table: (value: unknown) => ({ table: quotedTable(value) }),
  onWarning(value: unknown) {
    expectFunction("onWarning", value);
    return { onWarning: value as (warning: StoreWarning) => void };
  },
};

type Operation =
  | "blocked"
  | "take"
  | "renew"
  | "complete"
  | "release"
  | "read"
  | "settle"
  | "forget"
  | "purge";

/** Asks the table, and answers with rows. */
type Ask = (operation: Operation, values: Partial<SqlValues>) => SqlRow[];

/** The statements on a table, each prepared when it is first asked for. */
function asking(database: SqliteDatabase, table: string): Ask {
  const { take, ...texts } = sqlTexts(table, DIALECT);
  const forms: Record<Operation, SqlStatement> = Object.fromEntries(
    Object.entries({ ...texts, take: take("1 = 1") }).map(([name, text]) => [name, statement(text, DIALECT)]),
  ) as Record<Operation, SqlStatement>;
  const prepared = new Map<Operation, SqliteStatement>();
  return (operation, values) => {
    if (isInTransaction(database)) {
      throw new Error(
        "expected a connection for this store alone; a transaction is open on it, which may be rolled back",
      );
    }
    if (prepared.size === 0) setUp(database, tableSchema(table, { key: "TEXT", integer: "INTEGER" }));
    const form = forms[operation];
    const ready = prepared.get(operation) ?? database.prepare(form.text);
    prepared.set(operation, ready);
    return ready.all(...valuesOf(form, values)) as SqlRow[];
  };
}

function claim(ask: Ask, key: string, request: ClaimRequest): ClaimResult {
  const values = claimValues(key, request);
  for (let tries = 0; tries < CLAIM_TRIES; tries++) {
    // Read first: a replay writes nothing, and takes no lock.
    const [row = ask("take", values)[0]] = ask("blocked", values);
    if (row !== undefined) return claimResult(row);
  }
  throw new Error(`The claim met a new record at each of ${CLAIM_TRIES} tries`);
}

function read(ask: Ask, key: string) {
  const [row] = ask("read", { key });
  return row && storeRecord(row);
}

/** Whether it did it; a record that nobody can read is no reason to say no. */
function did(ask: Ask, operation: Operation, values: Partial<SqlValues> & { key: string }): boolean {
  if (ask(operation, values).length > 0) return true;
  read(ask, values.key);
  return false;
}

/**
 * A store in a file of SQLite: it protects the processes of one machine that share the file, and survives their
 * restarts. Operations answer at once, unless another process is just writing. It makes its table on first use, sets
 * the file to write-ahead logging and the connection to wait 20 ms at the most for another's lock, and asks again
 * without blocking the process for up to 5 seconds. The clock is the machine's.
 *
 * ```ts
 * const store = sqliteStore(new Database("idempotency.db"));
 * ```
 *
 * @param database A connection of libsql, better-sqlite3 or `node:sqlite` for this store alone: within a transaction
 * of somebody else's a claim might be rolled back, and is refused. It stays the caller's to close.
 * @throws InvalidOptionError `INVALID_OPTION`
 */
export function sqliteStore(database: SqliteDatabase, options: SqliteStoreOptions = {}): SqliteStore {
  expectMethods(
    "database",
    "a connection of libsql, better-sqlite3 or node:sqlite",
    ["exec", "prepare"],
    database,
  );
  const given = readByRules<{ table?: string; onWarning?: (warning: StoreWarning) => void }>(
    "sqliteStore options",
    options,
    RULES,
  );
  const { table = quotedTable("idempotency_keys"), onWarning = warnProcess } = given;
  const ask = asking(database, table);
  const yes = (operation: Operation, values: Partial<SqlValues> & { key: string }): Awaitable<boolean> =>
    whenFree(() => did(ask, operation, values));
  let isPurging = false;

  const store: SqliteStore = {
    claim(key, request) {
      if (!isPurging) purgeRegularly(store, { everyMs: PURGE_MS, onWarning, where: "SQLite" });
      isPurging = true;
      return whenFree(() => claim(ask, key, request));
    },
    read: key => whenFree(() => read(ask, key)),
    renew: (key, token, lease) => yes("renew", { key, token, lease }),
    complete: (key, token, outcome, ttl) => yes("complete", { key, token, outcome, ttl }),
    release: (key, token) => yes("release", { key, token }),
    settle: (key, outcome, ttl) => yes("settle", { key, outcome, ttl }),
    forget: key => whenFree(() => ask("forget", { key }).length > 0),
    purge: () => purge(ask),
  };
  return store;
}

async function purge(ask: Ask): Promise<number> {
  let removed = 0;
  for (;;) {
    const { length } = await whenFree(() => ask("purge", { limit: BATCH }));
    removed += length;
    if (length < BATCH) return removed;
  }
}
