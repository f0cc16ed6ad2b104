import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, describe, expect, it } from "vitest";
import type { IdempotencyStore } from "../../../src/contract/store.ts";
import type { PostgresClient } from "../../../src/stores/postgres/client.ts";
import { type PostgresStore, postgresStore } from "../../../src/stores/postgres/store.ts";
import { storeConformance } from "../../../src/testing.ts";
import { itConforms } from "../shared/conforms.ts";

// It lives in this process, so all of its stores have one connection, and takes one statement at a time.
const db = await PGlite.create();
const client: PostgresClient = { query: ({ text, values }) => db.query(text, values) };
const tables = new Map<IdempotencyStore, string>();

afterAll(() => db.close());

function create(table = "keys_0", options = {}): PostgresStore {
  const store = postgresStore(client, { table, onWarning: () => {}, ...options });
  tables.set(store, table);
  return store;
}

// Nothing analyses a table here, so a listing of one with thousands of records takes minutes.
const TABLES = Array.from({ length: 10 }, (_, n) => `keys_${n}`);
for (const table of TABLES) await create(table).migrate();
let made = 0;

describe("a store in PGlite", () => {
  const { cases, uncovered } = storeConformance({
    create: () => create(TABLES[made++ % TABLES.length]),
    second: store => create(tables.get(store)),
    advance: ms => sleep(ms),
    lists: true,
    many: true,
    cleanup: {
      async create() {
        const store = create(`t_${randomUUID().replaceAll("-", "")}`, {
          purgeEvery: "1s",
          onWarning: () => {},
        });
        await store.migrate();
        return store;
      },
      async count(store) {
        const { rows } = await db.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${tables.get(store)}`);
        return rows[0]!.n;
      },
      withinMs: 3_000,
      purge: store => (store as PostgresStore).purge(),
    },
    // All cases run at once, and each operation holds up the others.
    timeScale: 5,
  });

  itConforms(cases);

  it("is covered, but for hints and a database that is full", () => {
    expect(uncovered.filter(name => !/full|settled/.test(name))).toEqual([]);
  });
});
