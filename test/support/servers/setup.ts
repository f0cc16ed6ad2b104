import type { TestProject } from "vitest/node";
import { ask, startPostgres } from "./postgres.ts";
import { askInfo, startRedis } from "./redis.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A Redis for all tests of the run; undefined where none can be had. */
    redisUrl: string | undefined;
    /** A PostgreSQL for all tests of the run. */
    postgresUrl: string;
  }
}

/** A server that the run uses, and how it ends. */
interface Server {
  url: string;
  about: string;
  stop(): Promise<void>;
}

const { CI, REQUIRE_SERVERS, TEST_REDIS_URL, TEST_POSTGRES_URL } = process.env;
const REQUIRED = Boolean(CI || REQUIRE_SERVERS);

/** vitest's global setup: one Redis and one PostgreSQL for the run. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const started = await Promise.allSettled([findOrStartRedis(), findOrStartPostgres()]);
  const [redis, postgres] = started;
  const servers = started.flatMap(start => (start.status === "fulfilled" ? [start.value] : []));
  const stop = async () => {
    await Promise.all(servers.map(server => server.stop()));
  };
  if (postgres.status === "rejected" || (redis.status === "rejected" && REQUIRED)) {
    await stop();
    throw started.find(start => start.status === "rejected")?.reason;
  }
  for (const { about } of servers) console.log(about);
  provide("postgresUrl", postgres.value.url);
  if (redis.status === "fulfilled") provide("redisUrl", redis.value.url);
  return async () => {
    await stop();
    if (redis.status === "rejected") console.error(notice(redis.reason));
  };
}

async function findOrStartRedis(): Promise<Server> {
  if (!TEST_REDIS_URL) return startRedis();
  const { redis_version: version } = await askInfo(TEST_REDIS_URL);
  return { url: TEST_REDIS_URL, about: `Redis ${version} (TEST_REDIS_URL)`, stop: async () => {} };
}

async function findOrStartPostgres(): Promise<Server> {
  if (!TEST_POSTGRES_URL) return startPostgres();
  const { server_version: version } = await ask(TEST_POSTGRES_URL, "SHOW server_version");
  return { url: TEST_POSTGRES_URL, about: `PostgreSQL ${version} (TEST_POSTGRES_URL)`, stop: async () => {} };
}

function notice(reason: unknown): string {
  const why = reason instanceof Error ? reason.message : String(reason);
  const line = "!".repeat(80);
  return `\n${line}\nNOT VERIFIED: the Redis store. Its tests were skipped, for there is no Redis:\n${why}\n${line}\n`;
}
