import { randomUUID } from "node:crypto";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, vi } from "vitest";
import type { MysqlClient } from "../../../src/stores/mysql/client.ts";
import type { MysqlStoreOptions } from "../../../src/stores/mysql/options.ts";
import { type MysqlStore, mysqlStore } from "../../../src/stores/mysql/store.ts";
import { mysqlPool, newName } from "./clients.ts";

export const LONG = { ttlMs: 60_000, leaseMs: 30_000 };
export const SERVER_TEST_MS = 30_000;

export const newKey = () => `key-${randomUUID()}`;

/** A database of the file's own on a server, with what looks at it from outside. */
export interface MysqlScene {
  readonly url: string;
  readonly database: string;
  readonly table: string;
  readonly pool: mysql.Pool;
  store(options?: MysqlStoreOptions, client?: MysqlClient): MysqlStore;
  /** A pool that is ended with the scene. */
  another(settings?: readonly string[], options?: mysql.PoolOptions): mysql.Pool;
  /** A connection that is ended with the scene. */
  connection(options?: mysql.ConnectionOptions): Promise<mysql.Connection>;
  /** The rows of a statement of the test's own. */
  ask(sql: string): Promise<Record<string, unknown>[]>;
  /** Resolves when so many statements on the scene's tables wait for a lock. */
  waiting(count?: number): Promise<void>;
}

/** Makes the scene before the tests, and removes all of it after them. */
export function mysqlScene(urlOf: () => string): MysqlScene {
  const database = newName("test");
  const open: { end(): Promise<unknown> }[] = [];
  let probe: mysql.Connection;
  const scene = {
    database,
    table: `${database}.idempotency_keys`,
    get url() {
      return urlOf();
    },
    another(settings?: readonly string[], options?: mysql.PoolOptions) {
      const pool = mysqlPool(urlOf(), settings, options);
      open.push(pool);
      return pool;
    },
    async connection(options?: mysql.ConnectionOptions) {
      const connection = await mysql.createConnection({ uri: urlOf(), ...options });
      // One that the server ends while it is idle.
      connection.on("error", () => {});
      open.push(connection);
      return connection;
    },
    store: (options?: MysqlStoreOptions, client: MysqlClient = scene.pool) =>
      mysqlStore(client, { table: scene.table, ...options }),
    ask: async (sql: string) => (await probe.query<mysql.RowDataPacket[]>(sql))[0],
    waiting: (count = 1) =>
      vi.waitFor(
        async () => {
          // `innodb_trx` says the same again as long as anybody asks it more often than every 100 ms.
          const [row] = await scene.ask("SHOW ENGINE INNODB STATUS");
          const transactions = String(row?.["Status"]).split("---TRANSACTION");
          const waiting = transactions.filter(
            each => each.includes("\nLOCK WAIT ") && each.includes(database),
          );
          if (waiting.length < count) throw new Error(`${waiting.length} statements wait`);
        },
        { timeout: 10_000 },
      ),
  } as MysqlScene & { pool: mysql.Pool };

  beforeAll(async () => {
    probe = await mysql.createConnection(urlOf());
    await probe.query(`CREATE DATABASE ${database}`);
    scene.pool = scene.another();
    await scene.store().migrate();
  }, SERVER_TEST_MS);

  afterAll(async () => {
    await Promise.all(open.map(client => client.end().catch(() => {})));
    await probe.query(`DROP DATABASE ${database}`);
    await probe.end();
  }, SERVER_TEST_MS);

  return scene;
}
