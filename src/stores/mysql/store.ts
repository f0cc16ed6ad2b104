import type { IdempotencyStore } from "../../contract/store.ts";
import { purgeRegularly } from "../sql/purge.ts";
import { quotedTable } from "../sql/table.ts";
import { batchStatements } from "./batch-statements.ts";
import { expectClient, type MysqlClient } from "./client.ts";
import { mysqlMany } from "./many.ts";
import { asking, mysqlOperations } from "./operations.ts";
import { type MysqlStoreOptions, readMysqlOptions } from "./options.ts";
import { makeTable, type Send, sendingTo } from "./server.ts";
import { schemaOf, textsOf, written } from "./statements.ts";
import { transactionStore } from "./transaction.ts";

/** An {@link IdempotencyStore} in a table of MySQL or MariaDB. */
export interface MysqlStore extends IdempotencyStore {
  /**
   * Creates the table if it does not exist. You can call it again, and from many processes at once. It needs the
   * right to create only if the table is missing. Do not call it while a transaction is open on the connection: it
   * would be committed.
   */
  migrate(): Promise<void>;
  /**
   * Removes all expired records, 500 at a time, and returns how many it removed. The store also does so by itself:
   * see `purgeEvery`. Concurrent purges share the work.
   */
  purge(): Promise<number>;
  /**
   * Returns a store for one call, on the transaction that is open on the connection. What `fn` writes through that
   * connection and the record of its key are committed together, or not at all. Another call that claims the key
   * waits for the commit or rollback, or until its own `storeTimeout`. Begin and end the transaction yourself.
   * Create a new store for each call, because calls on one store share a run.
   *
   * ```ts
   * await connection.beginTransaction();
   * await withIdempotency(["order", id], "1h", () => insertOrder(connection), {
   *   store: store.inTransaction(connection),
   * });
   * await connection.commit();
   * ```
   *
   * @throws InvalidOptionError `INVALID_OPTION`
   */
  inTransaction(connection: MysqlClient): IdempotencyStore;
}

/**
 * Returns the SQL that `migrate` runs, for your own migrations.
 *
 * @param table The table's name, as in the store's option. It may be preceded by the database.
 * @throws InvalidOptionError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { mysqlSchema } from "with-idempotency/mysql";
 *
 * console.log(mysqlSchema("app.idempotency_keys").startsWith("CREATE TABLE")); // → true
 * ```
 */
export function mysqlSchema(table = "idempotency_keys"): string {
  return `${schemaOf(quotedTable(table, "`"))};\n`;
}

/**
 * Returns a store in MySQL 8 or MariaDB 10.6 and later. It protects all processes that share the table, by the
 * server's clock. A first claim and a completion are one statement each. A claim that finds a record takes one or
 * three more. Expired records are replaced by the next claim of their key, and removed in the background.
 *
 * @example
 * ```ts
 * import mysql from "mysql2/promise";
 * import { createIdempotency } from "with-idempotency";
 * import { mysqlStore } from "with-idempotency/mysql";
 *
 * const pool = mysql.createPool(process.env["MYSQL_URL"] ?? "");
 * const store = mysqlStore(pool);
 * await store.migrate();
 * const { withIdempotency } = createIdempotency({ store });
 * console.log(await withIdempotency(["order-shipped", crypto.randomUUID()], "24h", () => "sent")); // → sent
 * await pool.end();
 * ```
 *
 * @param pool A `Pool` or `Connection` of mysql2, with promises or callbacks, and with any options. You end it
 * yourself.
 * @throws InvalidOptionError `INVALID_OPTION`
 */
export function mysqlStore(pool: MysqlClient, options: MysqlStoreOptions = {}): MysqlStore {
  const client = expectClient("pool", pool);
  const { table, purgeEveryMs, onWarning } = readMysqlOptions(options);
  const { patient, hasty } = sendingTo(client, table);
  const texts = textsOf(table);
  const operations = mysqlOperations(asking(texts, patient));
  const { write, removePast } = batchStatements(table);
  const many = mysqlMany(hasty, write, mysqlOperations(asking(texts, hasty)));
  const purging = { everyMs: purgeEveryMs, onWarning, where: "MySQL", isOver: hasEnded(pool) };
  let isPurging = false;

  const startPurging = () => {
    if (!isPurging) purgeRegularly(store, purging);
    isPurging = true;
  };

  const store: MysqlStore = {
    ...operations,
    ...many,
    claim(key, request) {
      startPurging();
      return operations.claim(key, request);
    },
    claimMany(items) {
      startPurging();
      return many.claimMany(items);
    },
    migrate: () => makeTable(client, table),
    purge: () => purge(hasty, written(texts.past, { limit: BATCH }), removePast),
    inTransaction: connection => transactionStore(connection, table),
  };
  return store;
}

const BATCH = 500;

/** S10: removes what is past its time and locked by nobody, whose keys one statement finds and another removes. */
async function purge(
  send: Send,
  past: string,
  removePast: (keys: readonly Buffer[]) => string,
): Promise<number> {
  let removed = 0;
  for (;;) {
    const keys = (await send(past)).rows.map(([key]) => key as Buffer);
    const { affected } = keys.length > 0 ? await send(removePast(keys)) : { affected: 0 };
    removed += affected;
    // Nobody else's work is done again and again.
    if (keys.length < BATCH || affected === 0) return removed;
  }
}

// Does not refer to the store, because what the timer calls must not keep the store alive. mysql2's pools say so in a
// field that they do not document; another client that has ended fails the purge, and `onWarning` learns of that.
const hasEnded = (client: object) => () => {
  const { _closed, pool } = client as { _closed?: unknown; pool?: { _closed?: unknown } };
  return _closed === true || pool?._closed === true;
};
