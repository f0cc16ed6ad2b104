import type {
  ClaimItem,
  ClaimRequest,
  ClaimResult,
  CompleteItem,
  IdempotencyStore,
  ReleaseItem,
  RenewItem,
  StoreRecord,
} from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { type ListedRow, listRecords, PAGE, PAGE_OF_RESULTS } from "../sql/list.ts";
import {
  claimValues,
  type SqlDialect,
  type SqlStatement,
  type SqlValues,
  seenValues,
  statement,
} from "../sql/operations.ts";
import { purgeRegularly } from "../sql/purge.ts";
import { claimResult, firstClaim, storeRecord } from "../sql/record.ts";
import { sqlTexts } from "../sql/statements.ts";
import { tableSchema } from "../sql/table.ts";
import { expectDatabase } from "./client.ts";
import { isBusy, patiently, rowOf, SqliteConnection, type SqliteDatabase } from "./database.ts";
import { manyAtOnce } from "./many.ts";
import { readSqliteOptions, type SqliteStoreOptions } from "./options.ts";

/** An {@link IdempotencyStore} in a table of SQLite. */
export interface SqliteStore extends IdempotencyStore {
  /**
   * Removes all expired records, 500 at a time, and returns how many it removed. The store also does so by itself:
   * see `purgeEvery`.
   */
  purge(): Promise<number>;
}

const DIALECT: SqlDialect = {
  // Days since noon in 4714 BC, as every version has them; a millisecond is well within a double's reach.
  now: "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)",
  key: "key",
  skipLocked: "",
  done: "",
  parameters: "anonymous",
  least: "min",
  numbers: numbers => numbers.map((number, index) => `${number} AS number_${index}`).join(", "),
};

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
  const operations = sqliteOperations(connection, table);
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

const BATCH = 500;
// Some ten milliseconds, which hold up all else in this process.
const PAGES_AT_ONCE = 3;
// Each further one takes another claim that comes and goes just in between.
const CLAIM_TRIES = 10;

function sqliteOperations(connection: SqliteConnection, table: string) {
  const { insert, take, takeAsked: _, apart: __, list, ...texts } = sqlTexts(table, DIALECT);
  const forms = formsOf({
    ...texts,
    insert: insert("1 = 1"),
    take: take("1 = 1"),
    list: list(PAGE),
    listResults: list(PAGE_OF_RESULTS),
  });
  const perform = whenSetUp(connection, schemaOf(table));

  function claimNow(key: string, request: ClaimRequest): ClaimResult {
    const values = claimValues(key, request);
    for (let tries = 0; tries < CLAIM_TRIES; tries++) {
      const known = connection.find(forms.read, values);
      // A replay writes nothing, and takes no lock.
      if (known && known.outcome !== null) return claimResult(known);
      const isNew = known === undefined && connection.change(forms.insert, values) > 0;
      if (isNew) return firstClaim(request);
      const row = connection.find(forms.blocked, values) ?? connection.write(forms.take, values);
      if (row !== undefined) return claimResult(row);
      // A record came in between.
    }
    throw new Error(`The claim met a new record at each of ${CLAIM_TRIES} tries`);
  }

  function readNow(key: string): StoreRecord | undefined {
    const row = connection.find(forms.read, { key });
    return row && storeRecord(row);
  }

  type Form = keyof typeof forms;
  type Values = Partial<SqlValues> & { key: string };

  /** Whether it did it, by the `usual` way or another; a record that nobody can read is no reason to say no. */
  function didNow(name: Form, values: Values, usual?: Form): boolean {
    if (usual !== undefined && connection.change(forms[usual], values) > 0) return true;
    if (connection.change(forms[name], values) > 0) return true;
    readNow(values.key);
    return false;
  }
  const did = (name: Form, values: Values, usual?: Form) => perform(() => didNow(name, values, usual));

  // What a claim answers that writes nothing and takes no lock; undefined for any other.
  function replayNow({ key }: ClaimItem): ClaimResult | undefined {
    const known = connection.find(forms.read, { key });
    return known && known.outcome !== null ? claimResult(known) : undefined;
  }
  // It has been looked for, and is mostly new.
  const claimItem = ({ key, request }: ClaimItem) => {
    const isNew = connection.change(forms.insert, claimValues(key, request)) > 0;
    return isNew ? firstClaim(request) : claimNow(key, request);
  };
  const renewItem = ({ key, token, leaseMs }: RenewItem) => didNow("renew", { key, token, lease: leaseMs });
  const completeItem = ({ key, token, outcome, ttlMs }: CompleteItem) =>
    didNow("complete", { key, token, outcome, ttl: ttlMs }, "completeInTime");
  const releaseItem = ({ key, token }: ReleaseItem) => didNow("release", { key, token });
  const inOne = manyAtOnce(connection, perform);

  return {
    claim: (key: string, request: ClaimRequest) => perform(() => claimNow(key, request)),
    claimMany: (items: readonly ClaimItem[]) => inOne(items, claimItem, replayNow),
    renewMany: (items: readonly RenewItem[]) => inOne(items, renewItem),
    completeMany: (items: readonly CompleteItem[]) => inOne(items, completeItem),
    releaseMany: (items: readonly ReleaseItem[]) => inOne(items, releaseItem),
    read: key => perform(() => readNow(key)),
    renew: (key, token, lease) => did("renew", { key, token, lease }),
    complete: (key, token, outcome, ttl) => did("complete", { key, token, outcome, ttl }, "completeInTime"),
    release: (key, token) => did("release", { key, token }),
    settle: (key, outcome, ttl, seen) => did("settle", { key, outcome, ttl, ...seenValues(seen) }),
    reopen: (key, seen) => did("reopen", { key, ...seenValues(seen) }),
    forget: (key, seen) =>
      perform(() => {
        if (seen === undefined) return connection.change(forms.forget, { key }) > 0;
        if (connection.change(forms.forgetSeen, { key, ...seenValues(seen) }) > 0) return true;
        // S11: it is gone where no other claim stands in its place.
        return readNow(key) === undefined;
      }),
    list(query) {
      const form = query.status === "completed" ? forms.listResults : forms.list;
      let pages = 0;
      return listRecords(query, async values => {
        // Others have their turn in between.
        if (++pages % PAGES_AT_ONCE === 0) await new Promise(resolve => setTimeout(resolve));
        return (await perform(() => connection.findAll(form, values))).map(listedRow);
      });
    },
    async purge() {
      let removed = 0;
      for (;;) {
        const count = await perform(() => connection.change(forms.purge, { limit: BATCH }));
        removed += count;
        if (count < BATCH) return removed;
        // Others have their turn in between.
        await new Promise(resolve => setTimeout(resolve));
      }
    },
  } satisfies SqliteStore;
}

/** A row of a listing, whose record comes after where its page ends and its key. */
function listedRow([last, key, ...columns]: readonly unknown[]): ListedRow {
  return { last, key, row: rowOf(columns) };
}

/** With the records in the key's own tree: one page less to find, and one less to write. */
function schemaOf(table: string): readonly string[] {
  const [records, index] = tableSchema(table, { key: "text", integer: "integer" });
  return [`${records} WITHOUT ROWID`, index];
}

function formsOf<Name extends string>(texts: Record<Name, string>): Record<Name, SqlStatement> {
  const entries = Object.entries<string>(texts).map(([name, text]) => [name, statement(text, DIALECT)]);
  return Object.fromEntries(entries) as Record<Name, SqlStatement>;
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
  return <T>(act: () => T): Awaitable<T> =>
    patiently(() => {
      setUp();
      return act();
    });
}
