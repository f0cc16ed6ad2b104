import { invalidOption } from "../../contract/validate.ts";
import { isPromise } from "../../util/awaitable.ts";
import { expectRightClient, type WrongClient } from "../shared/wrong-client.ts";
import type { SqliteDatabase } from "./database.ts";

const EXPECTED = "a Database of libsql or better-sqlite3, or a DatabaseSync of node:sqlite";

/** What is taken for a connection to SQLite, and what to do about it. */
const WRONG: readonly WrongClient[] = [
  {
    what: "a Database of sqlite3, which answers by callbacks,",
    has: ["serialize", "parallelize", "each"],
    todo: "open the file with one of those for the store",
  },
  {
    what: "a Database of sqlite, which answers by promises,",
    has: ["getDatabaseInstance"],
    todo: "open the file with one of those for the store",
  },
  {
    what: "a client of @libsql/client",
    has: ["executeMultiple"],
    todo: "open the file with the package libsql for the store",
  },
  { what: "a D1 database", has: ["prepare", "withSession"], todo: "d1Store takes that" },
  { what: "a Durable Object's storage", has: ["transactionSync"], todo: "durableObjectStore takes that" },
  {
    what: "a Durable Object's SQL",
    has: ["exec", "databaseSize"],
    todo: "durableObjectStore takes its storage",
  },
  { what: "a client of PostgreSQL", has: ["query", "connect"], todo: "postgresStore takes that" },
  { what: "postgres.js's sql", has: ["unsafe", "begin"], todo: "postgresStore takes an adapter of it" },
  { what: "PGlite", has: ["query", "execProtocol"], todo: "postgresStore takes an adapter of it" },
];

/** Throws `INVALID_OPTION` where it is no connection to SQLite, and says what it is taken for. */
export function expectDatabase(database: SqliteDatabase): void {
  expectRightClient("database", EXPECTED, ["exec", "prepare"], database, WRONG);
  // Asked of an open one only: libsql ends the process where a closed one is asked for anything.
  if (database.open === false || database.isOpen === false) return;
  const statement: unknown = database.prepare("SELECT 1");
  const answersLater = isPromise(statement) || isPromise((statement as { all(): unknown }).all());
  if (answersLater) {
    invalidOption("database", `${EXPECTED}, which answer at once: not libsql/promise`, database);
  }
}
