import { StoreError } from "../../contract/errors.ts";
import { invalidOption } from "../../contract/validate.ts";
import { expectRightClient, type WrongClient } from "../shared/wrong-client.ts";

/** A statement in the form that pg's clients take. */
export interface PostgresQuery {
  text: string;
  values: (string | number | null)[];
  /** If set, the server keeps the statement prepared under that name. */
  name?: string;
  /** Makes pg return texts as the server sent them, whatever its type parsers are. Other clients ignore it. */
  types?: { getTypeParser(oid: number, format?: string): (value: unknown) => string };
}

/**
 * A client that can query: a `Pool`, `PoolClient` or `Client` of pg, or another client through a small adapter:
 *
 * ```ts
 * // postgres.js
 * const client = {
 *   query: async ({ text, values, name }: PostgresQuery) => ({
 *     rows: await sql.unsafe(text, values, { prepare: name !== undefined }),
 *   }),
 * };
 * ```
 */
export interface PostgresClient {
  /**
   * Resolves with the rows, or rejects with the server's error and its `code`. A row is an object or an array. Its
   * columns may have any names, as long as they are in the statement's order and texts are unchanged.
   */
  query(query: PostgresQuery): PromiseLike<{ rows: readonly unknown[] }>;
}

/** A separate connection that receives notifications: a connected `Client` of pg. */
export interface PostgresListener {
  query(text: string): PromiseLike<unknown>;
  on(
    event: "notification",
    listener: (message: { channel: string; payload?: string | undefined }) => void,
  ): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** The server's `SQLSTATE`, where an error has one. */
export function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code;
}

/** `I` where a client of pg has no transaction open, `T` or `E` where it has; undefined where nobody knows. */
export function transactionStatus(client: PostgresClient): unknown {
  return (client as { getTransactionStatus?(): unknown }).getTransactionStatus?.();
}

/** Whether a client of pg has a transaction open, or one that failed. */
export function hasTransaction(client: PostgresClient): boolean {
  const status = transactionStatus(client);
  return status === "T" || status === "E";
}

/** The columns of a row in their order, whatever a client's options make of their names. */
export function columnsOf(row: unknown): readonly unknown[] {
  return Array.isArray(row) ? row : Object.values(row ?? {});
}

/** Throws `STORE_ERROR` where the client is known to have a transaction open that its caller may roll back. */
export function refuseTransaction(client: PostgresClient): void {
  if (!hasTransaction(client)) return;
  throw new StoreError(
    "pool: expected no open transaction on its Client; got one, with which what is written now could be rolled back. " +
      "Give the store its own Pool or Client, or use inTransaction(client)",
  );
}

/**
 * Throws `INVALID_OPTION` for a Client of pg that sends statements before the last is answered: a `BEGIN` and its
 * `ROLLBACK` around the store's may be answered together with it, and nobody can tell that it did not stand.
 */
export function refusePipeline(client: PostgresClient): void {
  if ((client as { pipeline?: unknown }).pipeline !== true) return;
  invalidOption("pool", "a Pool of pg, or a Client without the option pipeline", "one with it");
}

/** Writes while the client has no transaction open, and checks again after the answer: a `BEGIN` may have been queued. */
export async function writing<T>(client: PostgresClient, write: () => PromiseLike<T>): Promise<T> {
  refuseTransaction(client);
  const answer = await write();
  refuseTransaction(client);
  return answer;
}

const adapter = (ask: string) => `pass an adapter: { query: async ({ text, values, name }) => ${ask} }`;

/** What is taken for a client of PostgreSQL, and what to do about it. */
const WRONG: readonly WrongClient[] = [
  {
    what: "postgres.js's sql",
    has: ["unsafe", "begin"],
    todo: adapter("({ rows: await sql.unsafe(text, values, { prepare: name !== undefined }) })"),
  },
  { what: "PGlite", has: ["query", "execProtocol"], todo: adapter("db.query(text, values)") },
  { what: "a Database of SQLite", has: ["exec", "prepare"], todo: "sqliteStore takes that" },
  {
    what: "Neon's sql",
    has: ["query", "unsafe", "transaction"],
    todo: "pass a Pool of @neondatabase/serverless, or an adapter: { query: async ({ text, values }) => ({ rows: await sql.query(text, values) }) }",
  },
  {
    what: "a client of mysql or mysql2",
    has: ["query", "escape"],
    todo: "this store works only with PostgreSQL",
  },
  { what: "a DataSource of TypeORM", has: ["query", "createQueryRunner"], todo: "pass a Pool of pg" },
  { what: "Sequelize", has: ["query", "getQueryInterface"], todo: "pass a Pool of pg" },
];

/** Throws `INVALID_OPTION` where it is no client of PostgreSQL, and says what it is taken for. */
export function expectClient(name: string, value: unknown): void {
  expectRightClient(name, "a Pool or Client of pg, or an adapter with query", ["query"], value, WRONG);
}
