import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import type { IdempotencyStore } from "../../../src/contract/store.ts";
import type { Gathering } from "../../../src/stores/postgres/gather.ts";
import type { PostgresStoreOptions } from "../../../src/stores/postgres/options.ts";
import { openPostgresStore } from "../../../src/stores/postgres/store.ts";
import { storeConformance } from "../../../src/testing.ts";
import { itConforms } from "../shared/conforms.ts";
import type { Connected } from "./clients.ts";

const SETUP_MS = 30_000;

/** The whole suite on stores of the client, two connections of which stand on one server. */
export function postgresConforms(
  connect: (url: string) => Promise<Connected>,
  {
    hints = false,
    gathering,
    ...options
  }: PostgresStoreOptions & { hints?: boolean; gathering?: Gathering } = {},
): void {
  const url = inject("postgresUrl");
  const schema = `conformance_${randomUUID().replaceAll("-", "")}`;
  const tables = new Map<IdempotencyStore, string>();
  let connected: Connected[];
  let probe: pg.Client;
  let listeners: pg.Client[];

  beforeAll(async () => {
    probe = new pg.Client(url);
    listeners = [new pg.Client(url), new pg.Client(url)];
    await Promise.all([probe, ...listeners].map(client => client.connect()));
    await probe.query(`CREATE SCHEMA ${schema}`);
    connected = await Promise.all([connect(url), connect(url)]);
    await create().migrate();
  }, SETUP_MS);

  afterAll(async () => {
    await Promise.all(connected.map(({ end }) => end()));
    await Promise.all(listeners.map(client => client.end()));
    await probe.query(`DROP SCHEMA ${schema} CASCADE`);
    await probe.end();
  }, SETUP_MS);

  const create = (at = 0, table = `${schema}.keys`, more: PostgresStoreOptions = {}) => {
    const listener = hints ? { listener: listeners[at] } : {};
    // A purge may come when the client has ended.
    const all = { table, onWarning: () => {}, ...listener, ...options, ...more };
    const store = openPostgresStore(connected[at]!.client, all, gathering);
    tables.set(store, table);
    return store;
  };
  const { cases, uncovered } = storeConformance({
    create: () => create(),
    second: store => create(1, tables.get(store)),
    advance: ms => sleep(ms),
    hints,
    lists: true,
    many: true,
    cleanup: {
      async create() {
        const name = `${schema}.t_${randomUUID().replaceAll("-", "")}`;
        const store = create(0, name, { purgeEvery: "1s" });
        await store.migrate();
        return store;
      },
      async count(store) {
        const { rows } = await probe.query(`SELECT count(*)::int AS count FROM ${tables.get(store)}`);
        return rows[0].count;
      },
      withinMs: 3_000,
      purge: store => (store as ReturnType<typeof create>).purge(),
    },
    timeScale: 2,
  });

  itConforms(cases);

  it("is covered, but for a server that is full", () => {
    expect(uncovered.filter(name => !(name.includes("full") || name.startsWith("settled")))).toEqual([]);
    expect(uncovered.some(name => name.startsWith("settled"))).toBe(!hints);
  });
}
