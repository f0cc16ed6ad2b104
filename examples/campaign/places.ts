import { join } from "node:path";
import type { StoreName } from "./settings.ts";

/** What a store keeps its records in. */
interface Place {
  /** The file, or the server's URL. */
  address: string;
  stop(): Promise<void>;
}

/** A server of the campaign's own. */
interface Server {
  url: string;
  stop(): Promise<void>;
}

const { REDIS_URL, DATABASE_URL } = process.env;

const known = (address: string): Place => ({ address, async stop() {} });

async function served(start: () => Promise<Server>): Promise<Place> {
  const server = await start();
  return { address: server.url, stop: () => server.stop() };
}

async function startRedis(): Promise<Server> {
  return (await import("../../test/support/servers/redis.ts")).startRedis();
}

async function startPostgres(): Promise<Server> {
  return (await import("../../test/support/servers/postgres.ts")).startPostgres();
}

/** Makes the place: a file in that directory, or a server, unless REDIS_URL or DATABASE_URL names one. */
export const PLACES: Record<StoreName, (directory: string) => Promise<Place>> = {
  sqlite: async directory => known(join(directory, "idempotency.db")),
  redis: async () => (REDIS_URL ? known(REDIS_URL) : served(startRedis)),
  postgres: async () => (DATABASE_URL ? known(DATABASE_URL) : served(startPostgres)),
  memory: async () => known(""),
};
