import type { IdempotencyStore } from "../../contract/store.ts";
import { purgeRegularly } from "../sql/purge.ts";
import { quotedTable } from "../sql/table.ts";
import { batchAsk } from "./batch-statements.ts";
import { expectClient, type PostgresClient, refuseTransaction } from "./client.ts";
import { type Gathering, gathered } from "./gather.ts";
import { channelOf, hintsOf } from "./hints.ts";
import { postgresMany } from "./many.ts";
import { manyAsk } from "./many-statements.ts";
import { type Ask, postgresOperations } from "./operations.ts";
import { type PostgresStoreOptions, readPostgresOptions } from "./options.ts";
import { askNotifying, askServer, makeTable } from "./server.ts";
import { isReading, type PostgresStatements, postgresStatements, schemaOf } from "./statements.ts";
import { transactionStore } from "./transaction.ts";

/** An {@link IdempotencyStore} in a table of PostgreSQL. */
export interface PostgresStore extends IdempotencyStore {
  /**
   * Makes the table and its index where there are none. Safe to call again, and by many processes at once; takes the
   * right to create only where there is something to make.
   */
  migrate(): Promise<void>;
  /**
   * Removes all records past their time, a thousand at once, and answers how many they were. The store does so by
   * itself too: see `purgeEvery`. Several at once share the work.
   */
  purge(): Promise<number>;
  /**
   * A store for one call, on the transaction that is open on the client: what `fn` writes by that client and the
   * record of its key are committed together, or neither is. A call that claims the key meanwhile waits for the
   * commit or the rollback, or until its own `storeTimeout`. Begin and end the transaction yourself. Make a new store
   * for each call, because calls by one store share one run.
   *
   * ```ts
   * await client.query("BEGIN");
   * await withIdempotency(["order", id], "1h", () => insertOrder(client), { store: store.inTransaction(client) });
   * await client.query("COMMIT");
   * ```
   *
   * @throws InvalidOptionError `INVALID_OPTION` where the client is known to have no open transaction
   */
  inTransaction(client: PostgresClient): IdempotencyStore;
}

/**
 * The SQL that `migrate` runs, for those who run their own migrations.
 *
 * @param table As the store's option: the schema may stand before it.
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
 * A store in PostgreSQL: it protects all processes that share the table, by the server's clock. Each operation is one
 * short statement; only a claim of a key that was released, is uncertain or is past its time takes another. A replay
 * writes nothing. Records past their time are reclaimed by the next claim of their key, and removed in the background.
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
 * @param pool A `Pool` or `Client` of pg, or an adapter: see {@link PostgresClient}. It stays the caller's to end.
 * @throws InvalidOptionError `INVALID_OPTION`
 * @throws StoreError `STORE_ERROR` where the client is known to have a transaction open
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
  refuseTransaction(pool);
  const { table, prepare, listener, purgeEveryMs, onWarning } = readPostgresOptions(options);
  const how = { prepare, notify: listener !== undefined };
  const statements = postgresStatements(table, how);
  const ask = askFor(pool, statements);
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
    inTransaction: client => transactionStore(client, statements),
  };
  return store;
}

/** Asks the server, which never has our writes in a transaction of the caller's. */
function askFor(pool: PostgresClient, statements: PostgresStatements): Ask {
  return (operation, values) => {
    if (!isReading(operation)) refuseTransaction(pool);
    const query = statements(operation, values);
    if (values.channel === undefined) return askServer(pool, query);
    return askNotifying(pool, query, () => statements(operation, { ...values, channel: undefined }));
  };
}

// Does not refer to the store, because what the timer calls must not keep the store alive. A pool of pg says whether
// it has ended. Another client that has ended does not, so its purge fails, and `onWarning` learns of that.
const hasEnded = (pool: PostgresClient & { ended?: unknown }) => () => pool.ended === true;

const BATCH = 1_000;

async function purge(ask: Ask): Promise<number> {
  let removed = 0;
  for (;;) {
    const { length } = await ask("purge", { limit: BATCH });
    removed += length;
    if (length < BATCH) return removed;
  }
}
