import type { DynamoDB } from "@aws-sdk/client-dynamodb";
import { Redis } from "ioredis";
import Database from "libsql";
import mysql from "mysql2/promise";
import pg from "pg";
import { createClient } from "redis";
import type { IdempotencyStore } from "../../../src/contract/store.ts";
import { type DynamodbStore, dynamodbStore } from "../../../src/stores/dynamodb/store.ts";
import { mysqlStore } from "../../../src/stores/mysql/store.ts";
import { postgresStore } from "../../../src/stores/postgres/store.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { sqliteStore } from "../../../src/stores/sqlite/store.ts";
import { dynamodb } from "../../stores/dynamodb/clients.ts";

/** Where a worker finds its store. */
export type Place =
  | { store: "redis"; port: number; client: "ioredis" | "node-redis" }
  | { store: "postgres"; port: number; hints: boolean }
  | { store: "mysql"; port: number }
  | { store: "sqlite"; file: string }
  | { store: "dynamodb"; port: number };

const HOST = "127.0.0.1";
const ignore = () => {};

/** Opens the store of a worker. It is there at once, whether or not its server is. */
export function openStore(place: Place): IdempotencyStore {
  if (place.store === "redis") return redisStore(redisClient(place));
  if (place.store === "mysql") {
    const pool = mysql.createPool({ ...mysqlAt(place.port), connectionLimit: 6, connectTimeout: 1_000 });
    return mysqlStore(pool, { onWarning: ignore });
  }
  if (place.store === "dynamodb") return dynamodbAt(place.port).store;
  if (place.store === "sqlite") return sqliteStore(openDatabase(place.file));
  const pool = new pg.Pool({ ...postgresAt(place.port), max: 6, connectionTimeoutMillis: 1_000 });
  pool.on("error", ignore);
  return postgresStore(pool, { onWarning: ignore, ...(place.hints && { listener: listenerAt(place.port) }) });
}

// As an application makes them: with their defaults, by which they queue, reconnect and send again.
function redisClient({ port, client }: Extract<Place, { store: "redis" }>) {
  if (client === "ioredis") return new Redis(port, HOST).on("error", ignore);
  const other = createClient({ url: `redis://${HOST}:${port}` }).on("error", ignore);
  other.connect().catch(ignore);
  return other;
}

export const mysqlAt = (port: number) => ({ host: HOST, port, user: "root", database: "test" });

/** How far apart the workers' clocks may be, as their stores are told, on a store whose clients' clocks decide. */
export const CLOCK_SKEW_MS = 500;

/** The store of a table that stands behind that port, and its client. */
export function dynamodbAt(port: number): { client: DynamoDB; store: DynamodbStore } {
  const client = dynamodb(`http://${HOST}:${port}`, { retryStrategy: RETRIES });
  const maxClockSkew = { milliseconds: CLOCK_SKEW_MS };
  const store = dynamodbStore(client, { table: "idempotency_keys", maxClockSkew, onWarning: ignore });
  return { client, store };
}

// As the SDK's own, but never at once: what took no longer was not sent again.
const RETRY_MS = 60;
const MOST_TRIES = 3;
const retryToken = (count: number) => ({ getRetryCount: () => count, getRetryDelay: () => RETRY_MS });
const RETRIES = {
  acquireInitialRetryToken: async () => retryToken(0),
  async refreshRetryTokenForRetry(last: ReturnType<typeof retryToken>, { errorType }: { errorType: string }) {
    const count = last.getRetryCount() + 1;
    if (errorType === "CLIENT_ERROR" || count >= MOST_TRIES) throw new Error("not once more");
    return retryToken(count);
  },
  recordSuccess() {},
};

export const postgresAt = (port: number) => ({ host: HOST, port, user: "postgres", database: "postgres" });

function listenerAt(port: number): pg.Client {
  const client = new pg.Client(postgresAt(port)).on("error", ignore);
  client.connect().catch(ignore);
  return client;
}

/** A database that several processes may use at once. */
export function openDatabase(file: string): Database.Database {
  const database = new Database(file);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA busy_timeout = 200");
  return database;
}
