import { MAX_OUTCOME_BYTES, missesTable } from "./cloudflare.ts";
import { type DurableObjectSqlite, expectStorage, storageConnection } from "./durable-object-storage.ts";
import type { Perform } from "./many.ts";
import { sqliteOperations } from "./operations.ts";
import { type CloudflareStoreOptions, readCloudflareOptions } from "./options.ts";
import { purgeAlong } from "./purge-along.ts";
import { cloudflareForms, schemaOf } from "./statements.ts";
import type { SqliteStore } from "./store.ts";

/**
 * A store in the SQLite of a Durable Object: it protects all calls of that object, which the platform has run in one
 * place at a time, by the clock of its SQLite. It makes its table with its first operation, and sets neither a timer
 * nor an alarm: records past their time are removed by claims, see `purgeEvery`, or by `purge()`. Operations are
 * synchronous and need no round trip. What `fn` sends out waits at the object's output gate until its claim is on the
 * disks.
 *
 * @example
 * ```ts
 * import { createIdempotency, type Idempotency } from "with-idempotency";
 * import { type DurableObjectSqlite, durableObjectStore } from "with-idempotency/sqlite";
 *
 * // In a Worker: class Order extends DurableObject
 * export class Order {
 *   readonly #idempotency: Idempotency;
 *   constructor(ctx: { storage: DurableObjectSqlite }) {
 *     this.#idempotency = createIdempotency({ store: durableObjectStore(ctx.storage) });
 *   }
 *   ship(id: number) {
 *     return this.#idempotency.withIdempotency(["order-shipped", id], "24h", () => "sent");
 *   }
 * }
 * ```
 *
 * @param storage `ctx.storage` of an object whose class is one of `new_sqlite_classes`.
 * @throws InvalidOptionError `INVALID_OPTION`
 */
export function durableObjectStore(
  storage: DurableObjectSqlite,
  options: CloudflareStoreOptions = {},
): SqliteStore {
  expectStorage(storage);
  const { table, purgeEveryMs } = readCloudflareOptions("durableObjectStore options", options);
  const connection = storageConnection(storage);
  const forms = cloudflareForms(table);
  const perform = onceMade(() => {
    for (const sql of schemaOf(table)) storage.sql.exec(sql);
  });
  const operations = sqliteOperations(connection, forms, perform);
  const along = purgeAlong(storage, table, purgeEveryMs);

  const purgeIfDue = (claims: number) => {
    const limit = along.due(claims);
    if (limit > 0) perform(() => along.removed(connection.change(forms.purge, { limit }), limit));
  };

  return {
    ...operations,
    maxOutcomeBytes: MAX_OUTCOME_BYTES,
    claim(key, request) {
      purgeIfDue(1);
      return operations.claim(key, request);
    },
    claimMany(items) {
      purgeIfDue(items.length);
      return operations.claimMany(items);
    },
  };
}

/** Makes the table before what is done first, and again should `deleteAll` have removed it. */
function onceMade(make: () => void): Perform {
  let isMade = false;
  return act => {
    try {
      if (!isMade) make();
      isMade = true;
      return act();
    } catch (error) {
      if (!missesTable(error)) throw error;
      make();
      return act();
    }
  };
}
