import type { TestProject } from "vitest/node";
import { type Server, startOnce } from "./once.ts";
import { askInfo, startRedis } from "./redis.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A Redis for all tests of the run; null where none can be had, undefined where this setup did not run. */
    redisUrl: string | null | undefined;
  }
}

const { CI, REQUIRE_SERVERS, TEST_REDIS_URL } = process.env;

/** vitest's global setup of the projects whose tests inject `redisUrl`: one Redis for the run. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { url, release } = await startOnce("redis", startOrDoWithout);
  provide("redisUrl", url);
  return release;
}

async function startOrDoWithout(): Promise<Server<string | null>> {
  try {
    return await findOrStart();
  } catch (error) {
    if (CI || REQUIRE_SERVERS) throw error;
    return { url: null, about: "no Redis", stop: async () => console.error(notice(error)) };
  }
}

async function findOrStart(): Promise<Server<string>> {
  if (!TEST_REDIS_URL) return startRedis();
  const { redis_version: version } = await askInfo(TEST_REDIS_URL);
  return { url: TEST_REDIS_URL, about: `Redis ${version} (TEST_REDIS_URL)`, stop: async () => {} };
}

function notice(reason: unknown): string {
  const why = reason instanceof Error ? reason.message : String(reason);
  const line = "!".repeat(80);
  return `\n${line}\nNOT VERIFIED: the Redis store. Its tests were skipped, because there is no Redis:\n${why}\n${line}\n`;
}
