import mysql from "mysql2/promise";
import type { TestProject } from "vitest/node";
import { startMariaDb } from "./mariadb.ts";
import { startOnce } from "./once.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A MariaDB, or what `TEST_MYSQL_URL` names, for all tests of the run: with a database, and the right to make others. */
    mysqlUrl: string;
  }
}

const { TEST_MYSQL_URL } = process.env;

/** vitest's global setup of the projects whose tests inject `mysqlUrl`: one server for the run. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { url, release } = await startOnce("mysql", findOrStart);
  provide("mysqlUrl", url);
  return release;
}

async function findOrStart() {
  if (!TEST_MYSQL_URL) return startMariaDb();
  const connection = await mysql.createConnection(TEST_MYSQL_URL);
  const [[row]] = await connection.query<(mysql.RowDataPacket & { version: string })[]>(
    "SELECT VERSION() AS version",
  );
  await connection.end();
  return { url: TEST_MYSQL_URL, about: `MySQL ${row?.version} (TEST_MYSQL_URL)`, stop: async () => {} };
}
