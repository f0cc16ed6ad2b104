import { StoreError } from "../../contract/errors.ts";
import { describe } from "../../util/describe.ts";
import { errnoOf, isUncommitted, type MysqlAnswer, type MysqlConnection } from "./client.ts";
import { schemaOf } from "./statements.ts";

/** Sends a statement, and answers with what came of it. */
export type Send = (sql: string) => Promise<MysqlAnswer>;

// A deadlock, a lock that took too long, and a record that changed since the snapshot: nothing was done, and the next
// try meets what was in the way.
const LOCK_WAIT_TIMEOUT = 1205;
const PASSING: readonly unknown[] = [1213, LOCK_WAIT_TIMEOUT, 1020];
const SPREAD_MS = 4;
// Less than the default `storeTimeout`, so that a caller hears of what was in the way.
const PATIENCE_MS = 4_500;

/** Statements that are each a transaction of its own, sent again while others are in the way. */
export interface Sending {
  /** Waits for locks as long as the server lets it. */
  readonly patient: Send;
  /** Waits for each lock for a second, as one of many does, and then rejects. */
  readonly hasty: Send;
}

// A mode for people takes a join by a primary key for a statement without one.
const SETTINGS = ["innodb_lock_wait_timeout = 1", "sql_safe_updates = 0"];
const OF_MARIADB = `/*M!100600 SET STATEMENT ${SETTINGS.join(", ")} FOR */`;
const OF_MYSQL = `/*+ ${SETTINGS.map(setting => `SET_VAR(${setting})`).join(" ")} */`;
const VERB = /^[A-Z]+/;

// Each server takes the other's for a comment.
const hastily = (sql: string) => `${OF_MARIADB} ${sql.replace(VERB, verb => `${verb} ${OF_MYSQL}`)}`;

/** Sends to the client, once its server is known to be new enough. */
export function sendingTo(client: MysqlConnection, table: string): Sending {
  const isSupported = untilDone(() => expectVersion(client));
  const sender =
    (passing: readonly unknown[]): Send =>
    async sql => {
      await isSupported();
      return retried(client, table, sql, passing);
    };
  const hasty = sender(PASSING.filter(errno => errno !== LOCK_WAIT_TIMEOUT));
  return { patient: sender(PASSING), hasty: sql => hasty(hastily(sql)) };
}

async function retried(
  client: MysqlConnection,
  table: string,
  sql: string,
  passing: readonly unknown[],
): Promise<MysqlAnswer> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let tries = 1; ; tries++) {
    try {
      const answer = await send(client, sql);
      if (isUncommitted(answer.status)) throw uncommitted();
      return answer;
    } catch (error) {
      if (!passing.includes(errnoOf(error)) || performance.now() > deadline) throw explained(error, table);
      // At random, so that those who were in each other's way are not again.
      await new Promise(resolve => setTimeout(resolve, Math.random() * SPREAD_MS * tries));
    }
  }
}

/** Does it until it has been done once. Those who come meanwhile wait for no other's, which may never be answered. */
function untilDone(act: () => Promise<void>): () => Promise<void> {
  let isDone = false;
  return async () => {
    if (isDone) return;
    await act();
    isDone = true;
  };
}

function uncommitted(): StoreError {
  return new StoreError(
    "pool: expected connections on which no transaction is open and autocommit is on; got one whose writes could be " +
      "rolled back. Give the store its own Pool or Connection, or use inTransaction(connection)",
  );
}

/** A function, because the client's own stands in for anything else. */
const asItIs = (_column: unknown, read: () => unknown) => read();

/** Sends it once, whatever the options that the client was made with. */
export async function send(client: MysqlConnection, sql: string): Promise<MysqlAnswer> {
  const answer: unknown = await client.query({
    sql,
    rowsAsArray: true,
    typeCast: asItIs,
    nestTables: false,
    namedPlaceholders: false,
  });
  const [first] = Array.isArray(answer) ? answer : [];
  if (Array.isArray(first))
    return { rows: first.map(columnsOf), affected: 0, insertId: 0, status: undefined };
  const { affectedRows, insertId, serverStatus } = (first ?? {}) as Record<string, unknown>;
  if (typeof affectedRows === "number") {
    return { rows: [], affected: affectedRows, insertId: Number(insertId), status: Number(serverStatus) };
  }
  throw new StoreError(`pool: expected query to answer as mysql2's does; got ${describe(answer)}`);
}

function columnsOf(row: unknown): readonly unknown[] {
  return Array.isArray(row) ? row : Object.values(row ?? {});
}

/** The text of a column; null where it has none. */
export function textOf(column: unknown): string | null {
  if (column === null || column === undefined) return null;
  if (column instanceof Uint8Array)
    return Buffer.from(column.buffer, column.byteOffset, column.length).toString();
  return String(column);
}

const NEEDED = "MySQL 8.0 or MariaDB 10.6, or a later version";

/** Throws `STORE_ERROR` where the server is too old for the statements. */
async function expectVersion(client: MysqlConnection): Promise<void> {
  const version = await versionOf(client);
  if (!isSupportedVersion(version))
    throw new StoreError(`pool: expected ${NEEDED}; got ${version}: update the server`);
}

/** What the server says that it is. */
export async function versionOf(client: MysqlConnection): Promise<string> {
  const { rows } = await send(client, "SELECT VERSION()");
  return textOf(rows[0]?.[0]) ?? "";
}

export function isSupportedVersion(version: string): boolean {
  // MariaDB's, for clients of old.
  const [major = 0, minor = 0] = version
    .replace(/^5\.5\.5-/, "")
    .split(/[.-]/, 2)
    .map(Number);
  const least = /mariadb/i.test(version) ? [10, 6] : [8, 0];
  return major > least[0]! || (major === least[0] && minor >= least[1]!);
}

const RIGHTS = "SELECT, INSERT, UPDATE, DELETE";

// What an operator can mend, by the number of the server's error.
const ADVICE: Readonly<Record<number, (table: string) => string>> = {
  1146: table =>
    `table: expected ${table}, which the server does not have: call migrate(), or run mysqlSchema()'s SQL`,
  1054: table =>
    `table: expected ${table} to be one that migrate() made; a column is missing: name another table`,
  1046: table =>
    `table: expected a database for ${table}: name one in the client's options or before the table's name`,
  1142: table =>
    `table: expected the rights ${RIGHTS} on ${table}: GRANT ${RIGHTS} ON ${table} TO the store's user`,
  1044: () =>
    `table: expected a user who may use its database: GRANT ${RIGHTS} on the table to the store's user`,
  1290: () => "pool: expected a server that writes; got one that is read-only: connect to the primary",
  1792: () =>
    "pool: expected transactions that may write; got read-only ones: set transaction_read_only to OFF",
  1153: () => "pool: expected a statement that the server takes; it is too large: raise max_allowed_packet",
};

/** The same error, or one that says how to mend what the server's speaks of. */
export function explained(error: unknown, table: string): unknown {
  const advice = ADVICE[errnoOf(error) as number];
  if (advice === undefined || !(error instanceof Error)) return error;
  return new StoreError(`${advice(table)} (${error.message})`, { cause: error });
}

const NO_TABLE = 1146;
const MAY_NOT_CREATE: readonly unknown[] = [1142, 1044];

/** Makes the table where it is not there. */
export async function makeTable(client: MysqlConnection, table: string): Promise<void> {
  await expectVersion(client);
  // `IF NOT EXISTS` alone asks for the right to make one where there is nothing to make.
  const isThere = await send(client, `SELECT 1 FROM ${table} LIMIT 0`).then(
    () => true,
    error => {
      if (errnoOf(error) === NO_TABLE) return false;
      throw explained(error, table);
    },
  );
  if (isThere) return;
  try {
    await send(client, schemaOf(table));
  } catch (error) {
    if (!MAY_NOT_CREATE.includes(errnoOf(error))) throw explained(error, table);
    throw new StoreError(
      `table: expected the right to make ${table}: GRANT CREATE ON ${table} TO the user, or run mysqlSchema()'s SQL as one who has it (${(error as Error).message})`,
      { cause: error },
    );
  }
}
