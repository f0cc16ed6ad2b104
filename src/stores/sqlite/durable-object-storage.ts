import { invalidOption } from "../../contract/validate.ts";
import { reasonOf } from "../../util/describe.ts";
import { expectRightClient } from "../shared/wrong-client.ts";
import { type SqlStatement, type SqlValues, valuesOf } from "../sql/operations.ts";
import { type Connection, recordRow } from "./connection.ts";

/** What a Durable Object's `ctx.storage.sql` answers with. */
export interface DurableObjectCursor {
  /** The rows, each as an array of its columns. */
  raw(): Iterable<unknown[]>;
}

/** A Durable Object's `ctx.storage`, in a class with SQLite. */
export interface DurableObjectSqlite {
  /** Its SQLite. */
  readonly sql: {
    /** Runs a statement. */
    exec(sql: string, ...values: (string | number | null)[]): DurableObjectCursor;
  };
  /** Runs a function as one transaction. */
  transactionSync<T>(act: () => T): T;
}

const EXPECTED = "ctx.storage of a Durable Object whose class has SQLite (new_sqlite_classes)";

/** Throws `INVALID_OPTION` where it is no storage of a Durable Object with SQLite, and says what it is taken for. */
export function expectStorage(storage: DurableObjectSqlite): void {
  expectRightClient("storage", EXPECTED, ["transactionSync"], storage, [
    { what: "its ctx", has: ["storage", "blockConcurrencyWhile"], todo: "give it ctx.storage" },
    { what: "its ctx.storage.sql", has: ["exec", "databaseSize"], todo: "give it ctx.storage" },
    { what: "a D1 database", has: ["prepare", "batch"], todo: "d1Store takes that" },
    {
      what: "a namespace of Durable Objects",
      has: ["idFromName"],
      todo: "make the store in the object itself",
    },
  ]);
  try {
    storage.sql.exec("SELECT 1");
  } catch (error) {
    // A class with the older storage has `sql` too, and says so when it is asked.
    invalidOption("storage", `${EXPECTED}, and this one refuses (${reasonOf(error)})`, storage);
  }
}

/**
 * Statements on the storage of an object. While one runs nothing else does, so those of one operation are atomic; and
 * what the object sends out waits until the disks have what it wrote before.
 */
export function storageConnection(storage: DurableObjectSqlite): Connection {
  const rows = (form: SqlStatement, values: Partial<SqlValues>) => [
    ...storage.sql.exec(form.text, ...valuesOf(form, values)).raw(),
  ];
  return {
    find: (form, values) => recordRow(rows(form, values)[0]),
    findAll: rows,
    change: (form, values) => rows(form, values).length,
    write: (form, values) => recordRow(rows(form, values)[0]),
    together: act => storage.transactionSync(act),
  };
}
