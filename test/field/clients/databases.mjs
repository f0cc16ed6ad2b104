// Databases as effects, each behind a proxy of ours that lets the statement through and then cuts.
import { GlideClient, Logger } from "@valkey/valkey-glide";
import { Redis } from "ioredis";
import pg from "pg";
import postgres from "postgres";
import { createClient } from "redis";

// It prints each failure.
Logger.init("off");

// The proxy acts when it has seen this in a request.
export const MARK = "order-shipped";

export const root = [
  {
    name: "pg",
    protocol: "postgres",
    send: async ({ host, port }, timeout) => {
      const client = new pg.Client({
        ...login,
        host,
        port,
        query_timeout: timeout,
        connectionTimeoutMillis: 20_000,
      });
      client.on("error", () => {});
      await client.connect();
      return client.query(`SELECT '${MARK}'`).finally(() => end(client));
    },
  },
  {
    name: "pg with a pool",
    protocol: "postgres",
    send: async ({ host, port }, timeout) => {
      const pool = new pg.Pool({
        ...login,
        host,
        port,
        query_timeout: timeout,
        connectionTimeoutMillis: 20_000,
      });
      pool.on("error", () => {});
      return pool.query("SELECT $1::text", [MARK]).finally(() => end(pool));
    },
  },
  {
    name: "postgres",
    protocol: "postgres",
    send: async ({ host, port }, timeout) => {
      // Its own look at the types rejects to nobody where the connection ends under it.
      const options = { max: 1, connect_timeout: 20, fetch_types: false, onnotice() {} };
      const sql = postgres({ ...login, host, port, ...options });
      const query = sql`SELECT ${MARK}::text`;
      try {
        return await Promise.race([query, timedOut(timeout)]);
      } finally {
        sql.end({ timeout: 0 }).catch(() => {});
      }
    },
  },
  {
    name: "ioredis",
    protocol: "redis",
    send: async ({ host, port }, timeout) => {
      const options = { connectTimeout: 20_000, commandTimeout: timeout, maxRetriesPerRequest: 0 };
      const client = new Redis({ host, port, ...options, retryStrategy: () => null });
      client.on("error", () => {});
      return client.publish(MARK, "1").finally(() => client.disconnect());
    },
  },
  {
    name: "redis",
    protocol: "redis",
    send: async ({ host, port }, timeout) => {
      const socket = { host, port, reconnectStrategy: false, connectTimeout: 20_000, socketTimeout: timeout };
      const client = createClient({ socket });
      client.on("error", () => {});
      await client.connect();
      return client.publish(MARK, "1").finally(() => client.isOpen && client.destroy());
    },
  },
  {
    name: "@valkey/valkey-glide",
    protocol: "redis",
    send: async ({ host, port }, timeout) => {
      // With no retries to connect, `connectionBackoff: { numberOfRetries: 0 }`, it never says a word after a cut.
      const settings = { addresses: [{ host, port }], requestTimeout: timeout };
      const client = await GlideClient.createClient(settings);
      return client.publish("1", MARK).finally(() => client.close());
    },
  },
];

const login = { user: "postgres", database: "postgres" };

const end = client => void client.end().catch(() => {});

function timedOut(ms) {
  return new Promise((_, reject) => {
    AbortSignal.timeout(ms).addEventListener("abort", event => reject(event.target.reason));
  });
}
