import pg from "pg";
import postgres from "postgres";
import type { PostgresClient, PostgresQuery } from "../../../src/stores/postgres/client.ts";

/** A client of some kind, and how it ends. */
export interface Connected {
  client: PostgresClient;
  end(): Promise<unknown>;
}

type Settings = Record<string, string>;

const optionsOf = (settings: Settings) =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(" ", "\\ ")}`)
    .join(" ");

/** A pool of pg whose connections have the settings. */
export function pgPool(url: string, settings: Settings = {}, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, options: optionsOf(settings), ...config });
  // A connection that the server ends while it is idle.
  pool.on("error", () => {});
  return pool;
}

/** postgres.js as the store takes it. */
export function adapted(sql: postgres.ISql): PostgresClient {
  return {
    query: async ({ text, values, name }: PostgresQuery) => ({
      rows: await sql.unsafe(text, values, { prepare: name !== undefined }),
    }),
  };
}

const isolated =
  (level: string) =>
  async (url: string): Promise<Connected> => {
    const client = pgPool(url, { default_transaction_isolation: level });
    return { client, end: () => client.end() };
  };

/** What the store works with. */
export const CLIENTS: Record<string, (url: string) => Promise<Connected>> = {
  "a Pool of pg": isolated("read committed"),
  "a Client of pg": async url => {
    const client = new pg.Client(url);
    client.on("error", () => {});
    await client.connect();
    return { client, end: () => client.end() };
  },
  "postgres.js": async url => {
    const sql = postgres(url, { onnotice: () => {} });
    return { client: adapted(sql), end: () => sql.end() };
  },
  "a Pool of pg, where transactions are repeatable read": isolated("repeatable read"),
  "a Pool of pg, where transactions are serializable": isolated("serializable"),
};

/** The one by which `npm test` has the whole suite run; by the others it runs in `npm run test:slow`. */
export const USUAL_CLIENT = "a Pool of pg";
