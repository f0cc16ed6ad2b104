import { setTimeout as sleep } from "node:timers/promises";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import type { IdempotencyStore } from "../../../src/contract/store.ts";
import type { MysqlStoreOptions } from "../../../src/stores/mysql/options.ts";
import { mysqlStore } from "../../../src/stores/mysql/store.ts";
import { storeConformance } from "../../../src/testing.ts";
import { itConforms } from "../shared/conforms.ts";
import { type Connected, newName } from "./clients.ts";

const SETUP_MS = 60_000;
const AT_ONCE = 40;

/** The whole suite on stores of the client, two connections of which stand on one server. */
export function mysqlConforms(connect: (url: string) => Promise<Connected>): void {
  const url = inject("mysqlUrl");
  const database = newName("conformance");
  const tables = new Map<IdempotencyStore, string>();
  let connected: Connected[];
  let probe: mysql.Connection;

  beforeAll(async () => {
    probe = await mysql.createConnection(url);
    await probe.query(`CREATE DATABASE ${database}`);
    connected = await Promise.all([connect(url), connect(url)]);
    await create().migrate();
  }, SETUP_MS);

  afterAll(async () => {
    await Promise.all(connected.map(({ end }) => end()));
    await probe.query(`DROP DATABASE ${database}`);
    await probe.end();
  }, SETUP_MS);

  const create = (at = 0, table = `${database}.idempotency_keys`, more: MysqlStoreOptions = {}) => {
    // A purge may come when the client has ended.
    const store = mysqlStore(connected[at]!.client, { table, onWarning: () => {}, ...more });
    tables.set(store, table);
    return store;
  };
  const { cases, uncovered } = storeConformance({
    create: () => create(),
    second: store => create(1, tables.get(store)),
    advance: ms => sleep(ms),
    lists: true,
    many: true,
    cleanup: {
      async create() {
        const store = create(0, `${database}.${newName("t")}`, { purgeEvery: "1s" });
        await store.migrate();
        return store;
      },
      async count(store) {
        const sql = `SELECT CAST(count(*) AS SIGNED) AS count FROM ${tables.get(store)}`;
        const [[row]] = await probe.query<(mysql.RowDataPacket & { count: number })[]>(sql);
        return row!.count;
      },
      withinMs: 3_000,
      purge: store => (store as ReturnType<typeof create>).purge(),
    },
    timeScale: 2,
  });

  // A pool's connections, or the only one, serve no more in time.
  itConforms(cases, 120_000, AT_ONCE);

  it("is covered, but for a server that is full and for hints, which it does not give", () => {
    expect(uncovered.filter(name => !(name.includes("full") || name.startsWith("settled")))).toEqual([]);
  });
}
