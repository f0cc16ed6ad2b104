import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import type { PostgresStoreOptions } from "../../../src/stores/postgres/options.ts";
import { type PostgresStore, postgresStore } from "../../../src/stores/postgres/store.ts";
import { pgPool } from "./clients.ts";

export const LONG = { ttlMs: 60_000, leaseMs: 30_000 };
export const SERVER_TEST_MS = 30_000;

/** A table of the file's own on a server, with what looks at it from outside. */
export interface PostgresScene {
  readonly url: string;
  readonly table: string;
  readonly pool: pg.Pool;
  readonly probe: pg.Client;
  store(options?: PostgresStoreOptions, client?: pg.Pool): PostgresStore;
  /** A pool that is ended with the scene. */
  another(settings?: Record<string, string>, config?: pg.PoolConfig): pg.Pool;
  /** A connected client that is ended with the scene. */
  client(): Promise<pg.Client>;
}

/** Makes the scene before the tests, and removes all of it after them. */
export function postgresScene(urlOf: () => string): PostgresScene {
  const schema = `test_${randomUUID().replaceAll("-", "")}`;
  const table = `${schema}.keys`;
  const open: { end(): Promise<unknown> }[] = [];
  const scene = {
    table,
    get url() {
      return urlOf();
    },
    another(settings?: Record<string, string>, config?: pg.PoolConfig) {
      const pool = pgPool(urlOf(), settings, config);
      open.push(pool);
      return pool;
    },
    async client() {
      const client = new pg.Client(urlOf());
      client.on("error", () => {});
      open.push(client);
      await client.connect();
      return client;
    },
    store: (options?: PostgresStoreOptions, client = scene.pool) =>
      postgresStore(client, { table, ...options }),
  } as PostgresScene & { pool: pg.Pool; probe: pg.Client };

  beforeAll(async () => {
    scene.pool = scene.another();
    scene.probe = await scene.client();
    await scene.probe.query(`CREATE SCHEMA ${schema}`);
    await scene.store().migrate();
  }, SERVER_TEST_MS);

  afterAll(async () => {
    const last = new pg.Client(urlOf());
    await Promise.all(open.map(client => client.end().catch(() => {})));
    await last.connect();
    await last.query(`DROP SCHEMA ${schema} CASCADE`);
    await last.end();
  }, SERVER_TEST_MS);

  return scene;
}
