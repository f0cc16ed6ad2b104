import { StoreError } from "../../contract/errors.ts";
import type { IdempotencyStore } from "../../contract/store.ts";
import { type ListedRow, listRecords } from "../sql/list.ts";
import { claimValues, type SqlValues, seenValues } from "../sql/operations.ts";
import { claimResult, firstClaim, type SqlRow, storeRecord } from "../sql/record.ts";
import type { MysqlAnswer } from "./client.ts";
import { type Send, textOf } from "./server.ts";
import { IS_NEW, type textsOf, written } from "./statements.ts";

export type MysqlOperation = keyof ReturnType<typeof textsOf>;

/** Sends the statement of an operation. */
export type Ask = (operation: MysqlOperation, values: Partial<SqlValues>) => Promise<MysqlAnswer>;

/** Asks by the texts of a table. */
export function asking(texts: ReturnType<typeof textsOf>, send: Send): Ask {
  return async (operation, values) => send(written(texts[operation], values));
}

// Each further one takes another claim that comes and goes just in between.
const CLAIM_TRIES = 10;

// What finds the key as an operation has left it, if that was sent before.
const AGAIN: Partial<Record<MysqlOperation, MysqlOperation>> = {
  renew: "renewed",
  complete: "completed",
  settle: "settled",
  reopen: "reopened",
};

/** The operations of a store, each by a statement that writes and, where that says too little, others that read. */
export function mysqlOperations(ask: Ask) {
  async function read(key: string) {
    const [row] = (await ask("read", { key })).rows;
    return row === undefined ? undefined : storeRecord(recordRow(row));
  }

  /** Whether it did it. A server may not count a row that it finds as it should be, and an unreadable one is no "no". */
  async function did(operation: MysqlOperation, values: Partial<SqlValues> & { key: string }) {
    if ((await ask(operation, values)).affected > 0) return true;
    const again = AGAIN[operation];
    if (again !== undefined && (await ask(again, values)).rows.length > 0) return true;
    await read(values.key);
    return false;
  }

  const store = {
    async claim(key, request) {
      const values = claimValues(key, request);
      for (let tries = 0; tries < CLAIM_TRIES; tries++) {
        // S1: new only where the server says so outright.
        const { insertId, affected } = await ask("insert", values);
        if (insertId === IS_NEW && affected === 1) return firstClaim(request);
        const [met] = (await ask("met", values)).rows;
        if (met !== undefined) return claimResult(recordRow(met));
        // Past its time, released or uncertain.
        await ask("retake", values);
        const [taken] = (await ask("met", values)).rows;
        if (taken !== undefined) return claimResult(recordRow(taken));
        // Somebody removed it in between.
      }
      throw new Error(`The claim met a new record at each of ${CLAIM_TRIES} tries`);
    },
    read,
    renew: (key, token, lease) => did("renew", { key, token, lease }),
    complete: (key, token, outcome, ttl) => did("complete", { key, token, outcome, ttl }),
    release: (key, token) => did("release", { key, token }),
    settle: (key, outcome, ttl, seen) => did("settle", { key, outcome, ttl, ...seenValues(seen) }),
    reopen: (key, seen) => did("reopen", { key, ...seenValues(seen) }),
    list(query) {
      const operation = query.status === "completed" ? "listResults" : "list";
      return listRecords(query, async values => (await ask(operation, values)).rows.map(listedRow));
    },
    async forget(key, seen) {
      if (seen === undefined) return (await ask("forget", { key })).affected > 0;
      if ((await ask("forgetSeen", { key, ...seenValues(seen) })).affected > 0) return true;
      // S11: it is gone where no other claim stands in its place.
      return (await read(key)) === undefined;
    },
  } satisfies IdempotencyStore;
  return store;
}

/** A row of a listing, whose record comes after where its page ends and its key. */
function listedRow([last, key, ...columns]: readonly unknown[]): ListedRow {
  const kept = textOf(key);
  return { last: textOf(last), key: kept ?? undefined, row: kept === null ? {} : recordRow(columns) };
}

const NUMBERS = /^-?\d+(,-?\d+)*$/;

/** A row with a record, by the order of its columns. Throws `STORE_ERROR` where they are not the statement's. */
export function recordRow(columns: readonly unknown[]): SqlRow {
  const [numbers, run_id, fingerprint, outcome] = columns.map(textOf);
  if (columns.length !== 4 || !NUMBERS.test(String(numbers))) {
    throw new StoreError(
      "pool: expected the statement's columns, in their order; got others. Give the store a client of mysql2 that " +
        "leaves rows as they come",
    );
  }
  return { numbers, run_id, fingerprint, outcome };
}
