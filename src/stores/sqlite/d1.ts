import { MAX_OUTCOME_BYTES } from "./cloudflare.ts";
import { askD1, type D1Client, expectD1 } from "./d1-client.ts";
import { d1Many } from "./d1-many.ts";
import { d1Operations } from "./d1-operations.ts";
import { type CloudflareStoreOptions, readCloudflareOptions } from "./options.ts";
import { purgeAlong } from "./purge-along.ts";
import { cloudflareForms, schemaOf } from "./statements.ts";
import type { SqliteStore } from "./store.ts";

/** A store in a table of Cloudflare D1: see {@link d1Store}. */
export interface D1Store extends SqliteStore {
  /** Makes the table and its index where there are none. Safe to call again. */
  migrate(): Promise<void>;
}

// Results of up to two megabytes each, in one answer, which may have 50 MB.
const PAGE_OF_RESULTS = 25;

/**
 * The SQL that `migrate` runs, for a migration of wrangler's.
 *
 * @param table As the store's option.
 * @throws InvalidOptionError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { d1Schema } from "with-idempotency/sqlite";
 *
 * console.log(d1Schema().startsWith("CREATE TABLE")); // → true
 * ```
 */
export function d1Schema(table = "idempotency_keys"): string {
  const { table: quoted } = readCloudflareOptions("d1Schema", { table });
  return `${schemaOf(quoted).join(";\n")};\n`;
}

/**
 * A store in Cloudflare D1: it protects all Workers that have the database as a binding, by the clock of its SQLite.
 * An operation is one round trip to the database's primary, where it is one transaction. A replay writes nothing. The
 * store sets no timer: records past their time are reclaimed by the next claim of their key, and removed along with
 * claims, see `purgeEvery`, or by `purge()`.
 *
 * @example
 * ```ts
 * import { createIdempotency } from "with-idempotency";
 * import { type D1Client, d1Store } from "with-idempotency/sqlite";
 *
 * export default {
 *   async fetch(_request: Request, env: { DB: D1Client }) {
 *     const { withIdempotency } = createIdempotency({ store: d1Store(env.DB) });
 *     return Response.json(await withIdempotency(["order-shipped", 42], "24h", () => "sent"));
 *   },
 * };
 * ```
 *
 * @param database The binding, such as `env.DB`; no session of it, which may read from a replica.
 * @throws InvalidOptionError `INVALID_OPTION`
 */
export function d1Store(database: D1Client, options: CloudflareStoreOptions = {}): D1Store {
  expectD1(database);
  const { table, purgeEveryMs } = readCloudflareOptions("d1Store options", options);
  const ask = askD1(database, table);
  const forms = cloudflareForms(table, PAGE_OF_RESULTS);
  const along = purgeAlong(database, table, purgeEveryMs);
  const operations = d1Operations(ask, forms, along);
  return {
    ...operations,
    ...d1Many(ask, forms, along, operations),
    maxOutcomeBytes: MAX_OUTCOME_BYTES,
    async migrate() {
      await database.batch(schemaOf(table).map(sql => database.prepare(sql)));
    },
  };
}
