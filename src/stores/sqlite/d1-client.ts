import { StoreError } from "../../contract/errors.ts";
import { expectRightClient } from "../shared/wrong-client.ts";
import { type SqlStatement, type SqlValues, valuesOf } from "../sql/operations.ts";
import { missesTable } from "./cloudflare.ts";
import { columnsOf } from "./connection.ts";

/** A statement of D1. */
export interface D1Statement {
  /** The same statement with its values. */
  bind(...values: (string | number | null)[]): D1Statement;
  /** Runs it alone. */
  all(): Promise<D1Answer>;
}

/** What D1 answers to a statement. */
export interface D1Answer {
  /** The rows, each an object by the names of its columns. */
  results: unknown[];
}

/** A D1 database, as a binding of a Worker gives it: `env.DB`. */
export interface D1Client {
  /** Makes a statement. */
  prepare(sql: string): D1Statement;
  /** Runs statements in one round trip, as one transaction. */
  batch(statements: D1Statement[]): Promise<D1Answer[]>;
}

/** A statement with its values. */
export type Asked = readonly [form: SqlStatement, values: Partial<SqlValues>];

/** The columns of each row that a statement answers with. */
export type Rows = readonly (readonly unknown[])[];

/** Sends statements in one round trip, as one transaction, and answers with the rows of each. */
export type AskD1 = (...asked: readonly Asked[]) => Promise<readonly Rows[]>;

/** Throws `INVALID_OPTION` where it is no D1 database, and says what it is taken for. */
export function expectD1(database: D1Client): void {
  expectRightClient("database", "a D1 database, such as env.DB", ["prepare", "batch"], database, [
    {
      // It may answer from a replica: a key that was claimed a moment ago would be absent there.
      what: "a session of D1",
      has: ["getBookmark"],
      todo: "give it the database itself, which asks the primary",
    },
    {
      what: "a client of @libsql/client",
      has: ["executeMultiple"],
      todo: "sqliteStore takes the package libsql",
    },
    { what: "a Durable Object's storage", has: ["transactionSync"], todo: "durableObjectStore takes that" },
    {
      what: "a namespace of Workers KV",
      has: ["getWithMetadata"],
      todo: "nothing there is compared and set at once",
    },
  ]);
}

/** Asks a database, whose `table` has that name in messages. */
export function askD1(database: D1Client, table: string): AskD1 {
  return async (...asked) => {
    const statements = asked.map(([form, values]) =>
      database.prepare(form.text).bind(...valuesOf(form, values)),
    );
    const [only, ...others] = statements;
    try {
      // D1 itself repeats a statement alone that only reads, where its connection breaks.
      const answers = others.length === 0 ? [await only!.all()] : await database.batch(statements);
      return answers.map(rowsOf);
    } catch (error) {
      throw missesTable(error) ? noTable(table, error) : error;
    }
  };
}

function rowsOf({ results }: D1Answer): Rows {
  if (Array.isArray(results)) return results.map(columnsOf);
  throw new StoreError("database: expected rows from D1; got none. Give the store the binding itself");
}

function noTable(table: string, cause: unknown): StoreError {
  const how = "put the SQL of d1Schema() into a migration, or call the store's migrate() once";
  return new StoreError(`database: expected the table ${table}; there is none: ${how}`, { cause });
}
