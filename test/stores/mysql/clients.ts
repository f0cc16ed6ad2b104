import { randomUUID } from "node:crypto";
import type { PoolOptions } from "mysql2";
import callbacks from "mysql2";
import promises from "mysql2/promise";
import type { MysqlClient } from "../../../src/stores/mysql/client.ts";

/** A client of some kind, and how it ends. */
export interface Connected {
  client: MysqlClient;
  end(): Promise<unknown>;
}

const LIMIT = 20;

/** A pool of mysql2/promise whose connections run the statements first. */
export function mysqlPool(
  url: string,
  settings: readonly string[] = [],
  options: PoolOptions = {},
): promises.Pool {
  const pool = promises.createPool({ uri: url, connectionLimit: LIMIT, ...options });
  pool.on("connection", connection => {
    // It is one of callbacks.
    for (const sql of settings) (connection as unknown as callbacks.PoolConnection).query(sql);
  });
  return pool;
}

const pooled =
  (settings: readonly string[], options: PoolOptions = {}) =>
  async (url: string): Promise<Connected> => {
    const client = mysqlPool(url, settings, options);
    return { client, end: () => client.end() };
  };

/** All that changes what rows and values look like, or how a statement's are put in. */
const ODD: PoolOptions = {
  flags: ["-FOUND_ROWS"],
  namedPlaceholders: true,
  rowsAsArray: false,
  nestTables: true,
  supportBigNumbers: true,
  bigNumberStrings: true,
  decimalNumbers: true,
  dateStrings: true,
  timezone: "+05:30",
  charset: "latin1_swedish_ci",
  stringifyObjects: true,
  multipleStatements: true,
  typeCast: () => "cast",
  queryFormat: (sql: string) => sql.replaceAll("?", "0"),
} as PoolOptions;

/** What the store works with. */
export const CLIENTS: Record<string, (url: string) => Promise<Connected>> = {
  "a Pool of mysql2/promise": pooled([]),
  "a Connection of mysql2/promise": async url => {
    const client = await promises.createConnection(url);
    return { client, end: () => client.end() };
  },
  "a Pool of mysql2 with callbacks": async url => {
    const client = callbacks.createPool({ uri: url, connectionLimit: LIMIT });
    return { client, end: () => client.promise().end() };
  },
  "a Pool with every odd option": pooled([], ODD),
  "a Pool, where transactions are read committed": pooled([
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
  ]),
  "a Pool, where transactions are read uncommitted": pooled([
    "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
  ]),
  "a Pool, where transactions are serializable": pooled([
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
  ]),
  "a Pool in another time zone, with no sql_mode": pooled(["SET time_zone = '-07:00'", "SET sql_mode = ''"]),
};

/** The one by which `npm test` has the whole suite run; by the others it runs in `npm run test:stores`. */
export const USUAL_CLIENT = "a Pool of mysql2/promise";

/** The name of a database or a table of the test's own. */
export const newName = (what: string) => `${what}_${randomUUID().replaceAll("-", "")}`;
