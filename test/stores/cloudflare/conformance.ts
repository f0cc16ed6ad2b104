import type { IdempotencyStore } from "with-idempotency";
import type { SqliteStore } from "with-idempotency/sqlite";
import { type StoreHarness, storeConformance } from "with-idempotency/testing";

/** What came of the suite, as plain JSON. */
export interface Conformance {
  cases: string[];
  /** By the name of its case. */
  failures: Record<string, string>;
  uncovered: string[];
}

const AT_ONCE = 30;
const sleep = (ms: number) => new Promise(done => setTimeout(done, ms));

/** How stores are made on a table of the one database, and how the rows of one are counted, where one can look. */
export interface Making {
  create(table: string): IdempotencyStore | Promise<IdempotencyStore>;
  count?(table: string): Promise<number>;
}

/** All that a store on Cloudflare lets the suite look at. It sets no timer: nothing is removed without a call. */
export function cloudflareHarness({ create, count }: Making): StoreHarness {
  const tables = new Map<IdempotencyStore, string>();
  const look = count && {
    lists: true,
    many: true,
    cleanup: {
      async create() {
        const table = `keys_${tables.size}`;
        const store = await create(table);
        tables.set(store, table);
        return store;
      },
      count: (store: IdempotencyStore) => count(tables.get(store)!),
      purge: (store: IdempotencyStore) => (store as SqliteStore).purge(),
    },
  };
  return {
    create: () => create("idempotency_keys"),
    second: () => create("idempotency_keys"),
    advance: sleep,
    ...look,
    timeScale: 6,
  };
}

/** Runs the suite where this runs, so many cases at once. */
export async function conformance(making: Making): Promise<Conformance> {
  const { cases, uncovered } = storeConformance(cloudflareHarness(making));
  const failures: Record<string, string> = {};
  const queue = [...cases];
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      await next.run().catch(error => {
        failures[next!.name] = String(error.message);
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return { cases: cases.map(({ name }) => name), failures, uncovered };
}
