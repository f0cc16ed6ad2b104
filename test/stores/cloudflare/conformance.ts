import type { IdempotencyStore } from "with-idempotency";
import type { SqliteStore } from "with-idempotency/sqlite";
import { type ConformanceCase, type StoreHarness, storeConformance } from "with-idempotency/testing";

/** What came of the suite, as plain JSON. */
export interface Conformance {
  cases: string[];
  /** By the name of its case. */
  failures: Record<string, string>;
  uncovered: string[];
}

const sleep = (ms: number) => new Promise(done => setTimeout(done, ms));

/** How stores are made on a table of the one database, and how the rows of one are counted, where one can look. */
export interface Making {
  create(table: string): IdempotencyStore | Promise<IdempotencyStore>;
  count?(table: string): Promise<number>;
  /** How many cases run at the same time: a database that is slow to answer has the others' calls come late. */
  atOnce: number;
}

/** All that a store on Cloudflare lets the suite look at. It sets no timer: nothing is removed without a call. */
export function cloudflareHarness({ create, count }: Omit<Making, "atOnce">): StoreHarness {
  const tables = new Map<IdempotencyStore, string>();
  let made = 0;
  const look = count && {
    lists: true,
    many: true,
    cleanup: {
      async create() {
        const table = `keys_${made++}`;
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
    timeScale: 5,
  };
}

// What reads or writes a lot holds up whatever is asked meanwhile: whole tables, texts of a mebibyte, a thousand items.
const isLarge = ({ clause }: ConformanceCase) => clause === "list" || clause === "S10";
const isHeavy = ({ clause, name }: ConformanceCase) => clause === "S9" || name.includes("1000 items");

/** Runs the suite where this runs: many cases at once, then those that look at all, and then what is heavy in turn. */
export async function conformance(making: Making): Promise<Conformance> {
  const { cases, uncovered } = storeConformance(cloudflareHarness(making));
  const failures: Record<string, string> = {};
  const lane = async (queue: ConformanceCase[]) => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { name } = next;
      await next.run().catch(error => {
        failures[name] = String(error.message);
      });
    }
  };
  const inLanes = (queue: ConformanceCase[]) =>
    Promise.all(Array.from({ length: making.atOnce }, () => lane(queue)));
  await inLanes(cases.filter(each => !isLarge(each) && !isHeavy(each)));
  await inLanes(cases.filter(isLarge));
  await lane(cases.filter(isHeavy));
  return { cases: cases.map(({ name }) => name), failures, uncovered };
}
