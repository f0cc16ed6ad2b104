import { join } from "node:path";
import { Redis } from "ioredis";
import mysql from "mysql2/promise";
import pg from "pg";
import { mysqlStore } from "../../../src/stores/mysql/store.ts";
import { postgresStore } from "../../../src/stores/postgres/store.ts";
import { startDynalite } from "../../support/servers/dynamodb.ts";
import { startMariaDb } from "../../support/servers/mariadb.ts";
import { startPostgres } from "../../support/servers/postgres.ts";
import { type Kennel, openKennel } from "../../support/servers/process.ts";
import { startRedis } from "../../support/servers/redis.ts";
import type { StoreName } from "./settings.ts";
import {
  CLOCK_SKEW_MS,
  dynamodbAt,
  mysqlAt,
  openDatabase,
  openStore,
  type Place,
  postgresAt,
} from "./stores.ts";

/** What the driver does to a store's server. */
interface Server {
  host: string;
  port: number;
  kill(): Promise<void>;
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
}

/** A store as the driver sees it. */
export interface Backend {
  about: string;
  /** Absent where the store is a file. */
  server?: Server;
  /** How far apart the clocks of the workers may be, where those decide. */
  skewMs?: number;
  /** Where the worker of that number finds it; the port is that of its proxy. */
  place(worker: number, port: number): Place;
  /** Troubles of that store alone, by name. */
  troubles: Record<string, (forMs: number) => Promise<void>>;
  /** How many records are left once those past their time have gone. */
  left(): Promise<number>;
  stop(): Promise<void>;
}

const START: Record<StoreName, () => Promise<Backend>> = {
  redis,
  postgres,
  mysql: mariaDb,
  sqlite,
  dynamodb,
};

export const startBackend = (store: StoreName): Promise<Backend> => START[store]();

const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

async function redis(): Promise<Backend> {
  const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  const ask = async <T>(act: (client: Redis) => Promise<T>): Promise<T> => {
    const client = new Redis(server.port, server.host, { retryStrategy: () => null }).on("error", () => {});
    try {
      return await act(client);
    } finally {
      client.disconnect();
    }
  };
  const attempt = (act: (client: Redis) => Promise<unknown>) => async () =>
    void (await ask(act).catch(() => {}));
  return {
    about: `${server.about}, appendfsync always`,
    server,
    place: (worker, port) => ({ store: "redis", port, client: worker % 2 === 0 ? "ioredis" : "node-redis" }),
    troubles: {
      "scripts forgotten": attempt(client => client.script("FLUSH")),
      "clients ended": attempt(client => client.client("KILL", "TYPE", "NORMAL")),
    },
    left: () => ask(client => client.dbsize()),
    stop: () => server.stop(),
  };
}

async function postgres(): Promise<Backend> {
  const server = await startPostgres();
  const pool = new pg.Pool({ ...postgresAt(server.port), max: 1 }).on("error", () => {});
  await postgresStore(pool).migrate();
  const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
  return {
    about: server.about,
    server,
    place: (worker, port) => ({ store: "postgres", port, hints: worker % 2 === 0 }),
    troubles: {
      "clients ended": async () => void (await pool.query(end).catch(() => {})),
      // Whoever wants to write waits, as behind a migration.
      "table locked": forMs => lockTable(server.port, forMs),
    },
    async left() {
      await postgresStore(pool).purge();
      const { rows } = await pool.query<{ left: number }>(
        "SELECT count(*)::int AS left FROM idempotency_keys",
      );
      return rows[0]!.left;
    },
    async stop() {
      await pool.end();
      await server.stop();
    },
  };
}

async function lockTable(port: number, forMs: number): Promise<void> {
  const client = new pg.Client(postgresAt(port)).on("error", () => {});
  try {
    await client.connect();
    await client.query("BEGIN; LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE");
    await sleep(forMs);
  } catch {
    // The server is down or paused: there is trouble enough.
  } finally {
    await client.end().catch(() => {});
  }
}

async function mariaDb(): Promise<Backend> {
  const server = await startMariaDb({ isToBeKilled: true });
  const pool = mysql.createPool({ ...mysqlAt(server.port), connectionLimit: 1, connectTimeout: 1_000 });
  await mysqlStore(pool).migrate();
  const ask = async (sql: string) => (await pool.query<mysql.RowDataPacket[]>(sql))[0];
  const others =
    "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user <> 'system user'";
  const endClients = async () => {
    for (const { id } of await ask(others)) await ask(`KILL ${id}`).catch(() => {});
  };
  return {
    about: server.about,
    server,
    place: (_, port) => ({ store: "mysql", port }),
    troubles: {
      "clients ended": () => endClients().catch(() => {}),
      // Those who want to write wait, as behind a migration.
      "table locked": forMs => lockMariaDb(server.port, forMs),
    },
    async left() {
      await mysqlStore(pool).purge();
      const [row] = await ask("SELECT CAST(count(*) AS SIGNED) AS records FROM idempotency_keys");
      return Number(row!["records"]);
    },
    async stop() {
      await pool.end();
      await server.stop();
    },
  };
}

async function lockMariaDb(port: number, forMs: number): Promise<void> {
  try {
    const connection = await mysql.createConnection({ ...mysqlAt(port), connectTimeout: 1_000 });
    connection.on("error", () => {});
    await connection.query("LOCK TABLES idempotency_keys WRITE");
    await sleep(forMs);
    await connection.end();
  } catch {
    // The server is down or paused: there is trouble enough.
  }
}

async function sqlite(): Promise<Backend> {
  const kennel: Kennel = await openKennel("sqlite", "KILL");
  const file = join(kennel.dir, "keys.db");
  const place = { store: "sqlite", file } as const;
  const store = openStore(place) as { purge(): unknown } & ReturnType<typeof openStore>;
  // The store makes its table when it is used first.
  await store.read("none");
  const database = openDatabase(file);
  return {
    about: "SQLite (libsql), WAL",
    place: () => place,
    troubles: { "file locked": forMs => lockFile(database, forMs) },
    async left() {
      await store.purge();
      const [row] = database.prepare("SELECT count(*) AS left FROM idempotency_keys").all() as {
        left: number;
      }[];
      return row!.left;
    },
    async stop() {
      database.close();
      await kennel.close();
    },
  };
}

async function dynamodb(): Promise<Backend> {
  const server = await startDynalite({ keeps: true });
  const { client, store } = dynamodbAt(server.port);
  await store.createTable();
  return {
    about: server.about,
    server,
    skewMs: CLOCK_SKEW_MS,
    place: (_, port) => ({ store: "dynamodb", port }),
    troubles: {},
    async left() {
      await sleep(2 * CLOCK_SKEW_MS);
      await store.purge();
      const { Count } = await client.scan({ TableName: "idempotency_keys", ConsistentRead: true });
      return Count!;
    },
    async stop() {
      client.destroy();
      await server.stop();
    },
  };
}

async function lockFile(database: ReturnType<typeof openDatabase>, forMs: number): Promise<void> {
  try {
    database.exec("BEGIN IMMEDIATE");
  } catch {
    return; // Somebody else has it locked, and may be paused.
  }
  await sleep(forMs);
  database.exec("ROLLBACK");
}
