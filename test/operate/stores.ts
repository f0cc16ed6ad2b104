import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import Database from "libsql";
import mysql from "mysql2/promise";
import pg from "pg";
import { inject } from "vitest";
import { dynamodbStore } from "../../src/dynamodb.ts";
import type { IdempotencyStore } from "../../src/index.ts";
import { mysqlStore } from "../../src/mysql.ts";
import { postgresStore } from "../../src/postgres.ts";
import { redisStore } from "../../src/redis.ts";
import { sqliteStore } from "../../src/sqlite.ts";
import { dynamodb, newName } from "../stores/dynamodb/clients.ts";
import { redisUrl } from "../support/servers/describe.ts";

/** An application's store, and how the command gets to it. */
export interface Stage {
  store: IdempotencyStore;
  /** The command's options. */
  at: string[];
  /** Puts there what no version of the package can read. */
  garble(storeKey: string): Promise<void>;
  close(): Promise<void>;
}

async function onRedis(): Promise<Stage> {
  const url = redisUrl()!;
  const client = new Redis(url);
  const prefix = `${randomUUID()}:`;
  return {
    store: redisStore(client, { prefix }),
    at: ["--redis", url, "--prefix", prefix],
    garble: async storeKey => void (await client.set(prefix + storeKey, "9z", "PX", 60_000)),
    close: async () => client.disconnect(),
  };
}

async function onPostgres(): Promise<Stage> {
  const url = inject("postgresUrl");
  const pool = new pg.Pool({ connectionString: url });
  const table = `keys_${randomUUID().replaceAll("-", "")}`;
  const store = postgresStore(pool, { table });
  await store.migrate();
  return {
    store,
    at: ["--postgres", url, "--table", table],
    garble: async storeKey =>
      void (await pool.query(`UPDATE ${table} SET version = 9 WHERE key = $1`, [storeKey])),
    async close() {
      await pool.query(`DROP TABLE ${table}`);
      await pool.end();
    },
  };
}

async function onMysql(): Promise<Stage> {
  const url = inject("mysqlUrl");
  const pool = mysql.createPool(url);
  const table = `keys_${randomUUID().replaceAll("-", "")}`;
  const store = mysqlStore(pool, { table });
  await store.migrate();
  return {
    store,
    at: ["--mysql", url, "--table", table],
    garble: async storeKey =>
      void (await pool.query(`UPDATE ${table} SET version = 9 WHERE \`key\` = ?`, [storeKey])),
    async close() {
      await pool.query(`DROP TABLE ${table}`);
      await pool.end();
    },
  };
}

async function onDynamodb(): Promise<Stage> {
  const endpoint = inject("dynamodbUrl");
  // The command's own client finds its account there.
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
  const client = dynamodb(endpoint);
  const table = newName("keys");
  const store = dynamodbStore(client, { table, maxClockSkew: "0s", onWarning() {} });
  await store.createTable();
  return {
    store,
    at: ["--dynamodb", "eu-central-1", "--endpoint", endpoint, "--table", table],
    async garble(storeKey) {
      const Key = { key: { S: storeKey } };
      const { Item } = await client.getItem({ TableName: table, Key });
      await client.putItem({ TableName: table, Item: { ...Item, version: { N: "9" } } });
    },
    async close() {
      await client.deleteTable({ TableName: table });
      client.destroy();
    },
  };
}

async function onSqlite(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "with-idempotency-command-"));
  const file = join(folder, "keys.db");
  const database = new Database(file);
  return {
    store: sqliteStore(database),
    at: ["--sqlite", file],
    async garble(storeKey) {
      database.prepare("UPDATE idempotency_keys SET version = 9 WHERE key = ?").run(storeKey);
    },
    async close() {
      database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Every kind of store that can be had here. */
export const STAGES: [name: string, open: () => Promise<Stage>][] = [
  ...(redisUrl() === undefined ? [] : [["Redis", onRedis] as [string, () => Promise<Stage>]]),
  ["PostgreSQL", onPostgres],
  ["MySQL", onMysql],
  ["SQLite", onSqlite],
  ["DynamoDB", onDynamodb],
];
