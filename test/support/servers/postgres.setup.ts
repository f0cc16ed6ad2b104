import type { TestProject } from "vitest/node";
import { startOnce } from "./once.ts";
import { ask, startPostgres } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A PostgreSQL for all tests of the run. */
    postgresUrl: string;
  }
}

const { TEST_POSTGRES_URL } = process.env;

/** vitest's global setup of the projects whose tests inject `postgresUrl`: one PostgreSQL for the run. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { url, release } = await startOnce("postgres", findOrStart);
  provide("postgresUrl", url);
  return release;
}

async function findOrStart() {
  if (!TEST_POSTGRES_URL) return startPostgres();
  const { server_version: version } = await ask(TEST_POSTGRES_URL, "SHOW server_version");
  return { url: TEST_POSTGRES_URL, about: `PostgreSQL ${version} (TEST_POSTGRES_URL)`, stop: async () => {} };
}
