import { expectRightClient, type WrongClient } from "../shared/wrong-client.ts";

/** A statement in the form that mysql2's clients take. It sets every option that changes how rows look. */
export interface MysqlQuery {
  /** The statement, with its values in it. */
  sql: string;
  /** A row's columns come in their order. */
  rowsAsArray: true;
  /** As mysql2 reads them by itself. */
  typeCast: (column: unknown, read: () => unknown) => unknown;
  /** Not by table. */
  nestTables: false;
  /** It has none. */
  namedPlaceholders: false;
}

/** A `Pool`, a `PoolConnection` or a `Connection` of `mysql2/promise`. */
export interface MysqlConnection {
  /**
   * Resolves with a pair whose first element is the rows or the server's result header, or rejects with the
   * server's error.
   */
  query(query: MysqlQuery): PromiseLike<readonly unknown[]>;
}

/** A client of `mysql2/promise`, or one of `mysql2` with callbacks. */
export type MysqlClient = MysqlConnection | MysqlCallbacks;

/** A `Pool`, a `PoolConnection` or a `Connection` of mysql2 with callbacks. */
export interface MysqlCallbacks {
  /** Returns the same client with promises. */
  promise(): MysqlConnection;
}

/** What the server says of a statement. */
export interface MysqlAnswer {
  /** In the statement's order of columns. */
  readonly rows: readonly (readonly unknown[])[];
  /** How many rows it changed or, with the flag `FOUND_ROWS`, found. */
  readonly affected: number;
  readonly insertId: number;
  /** The server's status after it, if it answered with no rows. */
  readonly status: number | undefined;
}

/** The server's number of an error, where it has one. */
export function errnoOf(error: unknown): unknown {
  return (error as { errno?: unknown } | null | undefined)?.errno;
}

/** Whether a status says that a transaction is open, or that what is written is committed by nobody but its caller. */
export function isUncommitted(status: number | undefined): boolean {
  return status !== undefined && ((status & IN_TRANSACTION) !== 0 || (status & AUTOCOMMIT) === 0);
}

const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;

const EXPECTED = "a Pool or Connection of mysql2";

/** What is taken for a client of MySQL, and what to do about it. */
const WRONG: readonly WrongClient[] = [
  {
    what: "a client of the package mariadb",
    has: ["query", "batch"],
    todo: "create a pool of mysql2 for the store; it works with MariaDB too",
  },
  {
    what: "a PoolCluster",
    has: ["of", "add", "getConnection"],
    todo: "pass the pool of the primary",
  },
  { what: "a DataSource of TypeORM", has: ["query", "createQueryRunner"], todo: "pass a pool of mysql2" },
  { what: "Sequelize", has: ["query", "getQueryInterface"], todo: "pass a pool of mysql2" },
  { what: "a Database of SQLite", has: ["exec", "prepare"], todo: "sqliteStore takes that" },
  { what: "postgres.js's sql", has: ["unsafe", "begin"], todo: "postgresStore takes an adapter of it" },
  { what: "PGlite", has: ["query", "execProtocol"], todo: "postgresStore takes an adapter of it" },
];

// After what is known by more members than these.
const LESS_KNOWN: readonly WrongClient[] = [
  {
    what: "a client of the package mysql",
    has: ["query", "escape", "escapeId"],
    todo: "create it with mysql2, which takes the same options",
  },
  { what: "a client of PostgreSQL", has: ["query", "connect"], todo: "postgresStore takes that" },
];

/** The client that answers by promises. Throws `INVALID_OPTION` where it is none of mysql2, and says what it is taken for. */
export function expectClient(name: string, value: MysqlClient): MysqlConnection {
  const isMysql2 = typeof (value as { execute?: unknown } | null)?.execute === "function";
  const wrong = isMysql2 ? WRONG : [...WRONG, ...LESS_KNOWN];
  expectRightClient(name, EXPECTED, ["query", "execute"], value, wrong);
  return "promise" in value ? value.promise() : value;
}
