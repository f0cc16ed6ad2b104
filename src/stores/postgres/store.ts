import type { IdempotencyStore } from "../../contract/store.ts";
import { purgeRegularly } from "../sql/purge.ts";
import { quotedTable } from "../sql/table.ts";
import { batchAsk } from "./batch-statements.ts";
import { expectClient, type PostgresClient, refusePipeline, refuseTransaction, writing } from "./client.ts";
import { type Gathering, gathered } from "./gather.ts";
import { channelOf, hintsOf } from "./hints.ts";
import { postgresMany } from "./many.ts";
import { manyAsk } from "./many-statements.ts";
import { type Ask, postgresOperations } from "./operations.ts";
import { type PostgresStoreOptions, readPostgresOptions } from "./options.ts";
import { askNotifying, askServer, explaining, makeTable } from "./server.ts";
import { isReading, type PostgresStatements, postgresStatements, schemaOf } from "./statements.ts";
import { transactionStore } from "./transaction.ts";

/** An {@link IdempotencyStore} in a table of PostgreSQL. */
export interface PostgresStore extends IdempotencyStore {
  /**
   * Creates the table and its index if they do not exist. You can call it again, and from many processes at once.
   * It needs the right to create only if something is missing.
   */
  migrate(): Promise<void>;
  /**
   * Removes all expired records, a thousand at a time, and returns how many it removed. The store also does so by
   * itself: see `purgeEvery`. Concurrent purges share the work.
   */
  purge(): Promise<number>;
  /**
   * Returns a store for one call, on the transaction that is open on the client. What `fn` writes through that
   * client and the record of its key are committed together, or not at all. Another call that claims the key waits
   * for the commit or rollback, or until its own `storeTimeout`. Begin and end the transaction yourself. Create a
   * new store for each call, because calls on one store share a run.
   *
   * ```ts
   * await client.query("BEGIN");
   * await withIdempotency(["order", id], "1h", () => insertOrder(client), { store: store.inTransaction(client) });
   * await client.query("COMMIT");
   * ```
   *
   * @throws InvalidOptionError `INVALID_OPTION` if the client is known to have no open transaction
   */
  inTransaction(client: PostgresClient): IdempotencyStore;
}

/**
 * Returns the SQL that `migrate` runs, for your own migrations.
 *
 * @param table The table's name, as in the store's option. It may be preceded by the schema.
 * @throws InvalidOptionError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { postgresSchema } from "with-idempotency/postgres";
 *
 * console.log(postgresSchema("app.idempotency_keys").startsWith("CREATE TABLE")); // → true
 * ```
 */
export function postgresSchema(table = "idempotency_keys"): string {
  return schemaOf(quotedTable(table));
}

/**
 * Returns a store in PostgreSQL. It protects all processes that share the table, by the server's clock. Each
 * operation is one short statement. Only a claim of a released, uncertain or expired key takes a second one. A
 * replay writes nothing. Expired records are replaced by the next claim of their key, and removed in the
 * background.
 *
 * @example
 * ```ts
 * import pg from "pg";
 * import { createIdempotency } from "with-idempotency";
 * import { postgresStore } from "with-idempotency/postgres";
 *
 * const pool = new pg.Pool({ connectionString: process.env["DATABASE_URL"] });
 * const store = postgresStore(pool);
 * await store.migrate();
 * const { withIdempotency } = createIdempotency({ store });
 * console.log(await withIdempotency(["order-shipped", crypto.randomUUID()], "24h", () => "sent")); // → sent
 * await pool.end();
 * ```
 *
 * @param pool A `Pool` or `Client` of pg, or an adapter: see {@link PostgresClient}. You end it yourself.
 * @throws InvalidOptionError `INVALID_OPTION`
 * @throws StoreError `STORE_ERROR` if the client is known to have an open transaction
 */
export function postgresStore(pool: PostgresClient, options: PostgresStoreOptions = {}): PostgresStore {
  return openPostgresStore(pool, options);
}

/** The same, with another way to gather statements. */
export function openPostgresStore(
  pool: PostgresClient,
  options: PostgresStoreOptions,
  gathering?: Gathering,
): PostgresStore {
  expectClient("pool", pool);
  refusePipeline(pool);
  refuseTransaction(pool);
  const { table, prepare, listener, purgeEveryMs, onWarning } = readPostgresOptions(options);
  const how = { prepare, notify: listener !== undefined };
  const statements = postgresStatements(table, how);
  const ask = askFor(pool, table, statements);
  const gathers = gathered(ask, batchAsk(pool, table, how), gathering);
  const operations = postgresOperations(gathers, listener && table);
  const many = postgresMany(manyAsk(pool, table, how), operations, listener && table);
  const hints = listener && hintsOf(listener, channelOf(table));
  let isPurging = false;

  const purging = { everyMs: purgeEveryMs, onWarning, where: "PostgreSQL", isOver: hasEnded(pool) };
  const startPurging = () => {
    if (!isPurging) purgeRegularly(store, purging);
    isPurging = true;
  };

  const store: PostgresStore = {
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
    ...(hints && { settled: (key, signal) => hints.settled(key, signal) }),
    migrate: () => makeTable(pool, table),
    purge: () => purge(ask),
    inTransaction: client => transactionStore(client, table, statements),
  };
  return store;
}

/** Asks the server, which never has our writes in a transaction of the caller's. */
function askFor(pool: PostgresClient, table: string, statements: PostgresStatements): Ask {
  const send: Ask = (operation, values) => {
    const query = statements(operation, values);
    if (values.channel === undefined) return askServer(pool, query);
    return askNotifying(pool, query, () => statements(operation, { ...values, channel: undefined }));
  };
  return (operation, values) => {
    const ask = () => send(operation, values);
    return explaining(table, isReading(operation) ? ask : () => writing(pool, ask));
  };
}

// Does not refer to the store, because what the timer calls must not keep the store alive. A pool of pg says whether
// it has ended. Another client that has ended does not, so its purge fails, and `onWarning` learns of that.
const hasEnded = (pool: PostgresClient & { ending?: unknown; ended?: unknown }) => () =>
  pool.ending === true || pool.ended === true;

const BATCH = 1_000;

async function purge(ask: Ask): Promise<number> {
  let removed = 0;
  for (;;) {
    const { length } = await ask("purge", { limit: BATCH });
    removed += length;
    if (length < BATCH) return removed;
  }
}
