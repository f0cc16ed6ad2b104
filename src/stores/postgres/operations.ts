import { StoreError } from "../../contract/errors.ts";
import type { IdempotencyStore } from "../../contract/store.ts";
import { describe } from "../../util/describe.ts";
import { type ListedRow, listRecords } from "../sql/list.ts";
import { claimValues, type SqlValues, seenValues } from "../sql/operations.ts";
import { claimResult, firstClaim, type SqlRow, seenResult, storeRecord } from "../sql/record.ts";
import { columnsOf } from "./client.ts";
import { channelOf, hintOf } from "./hints.ts";
import type { PostgresOperation } from "./statements.ts";

/** Sends the statement of an operation, and answers with its rows. */
export type Ask = (operation: PostgresOperation, values: Partial<SqlValues>) => Promise<readonly unknown[]>;

// Each further one takes another claim that comes and goes just in between.
const CLAIM_TRIES = 10;

/** The operations of a store, a statement each. With a `table`, whatever ends a claim notifies the other processes. */
export function postgresOperations(ask: Ask, table?: string): Omit<IdempotencyStore, "settled"> {
  const channel = table === undefined ? undefined : channelOf(table);
  const withHint = (key: string, values?: Partial<SqlValues>) =>
    Object.assign({ key, channel, hint: channel && hintOf(key) }, values);

  async function read(key: string) {
    const [row] = await ask("read", { key });
    return row === undefined ? undefined : storeRecord(recordRow(row));
  }

  /** Whether it did it; a record that nobody can read is no reason to say no. */
  async function did(operation: PostgresOperation, values: Partial<SqlValues> & { key: string }) {
    if ((await ask(operation, values)).length > 0) return true;
    await read(values.key);
    return false;
  }

  return {
    async claim(key, request) {
      const values = claimValues(key, request);
      for (let tries = 0; tries < CLAIM_TRIES; tries++) {
        const [found] = await ask("claim", values);
        const row = found === undefined ? undefined : recordRow(found);
        if (row?.numbers === null) return firstClaim(request);
        const seen = row && seenResult(row);
        if (seen !== undefined) return seen;
        // Past its time, released, uncertain or its own.
        const [taken] = await ask("take", values);
        if (taken !== undefined) return claimResult(recordRow(taken));
        // A record came in between: unseen when the statement began, and in its way when it wrote.
      }
      throw new Error(`The claim met a new record at each of ${CLAIM_TRIES} tries`);
    },
    read,
    renew: (key, token, lease) =>
      lease === 0 ? did("hold", withHint(key, { token, lease })) : did("renew", { key, token, lease }),
    complete: (key, token, outcome, ttl) => did("complete", withHint(key, { token, outcome, ttl })),
    release: (key, token) => did("release", withHint(key, { token })),
    settle: (key, outcome, ttl, seen) => did("settle", withHint(key, { outcome, ttl, ...seenValues(seen) })),
    reopen: (key, seen) => did("reopen", withHint(key, seenValues(seen))),
    list(query) {
      const operation = query.status === "completed" ? "listResults" : "list";
      return listRecords(query, async values => (await ask(operation, values)).map(listedRow));
    },
    async forget(key, seen) {
      if (seen === undefined) return (await ask("forget", withHint(key))).length > 0;
      const { length } = await ask("forgetSeen", withHint(key, seenValues(seen)));
      // S11: it is gone where no other claim stands in its place.
      return length > 0 || (await read(key)) === undefined;
    },
  };
}

/** A row of a listing, whose record comes after where its page ends and its key. */
function listedRow(row: unknown): ListedRow {
  const [last, key, ...columns] = columnsOf(row);
  return { last, key, row: typeof key === "string" ? recordRow(columns) : {} };
}

const NUMBERS = /^-?\d+(,-?\d+)*$/;

/**
 * A row with a record, by the order of its columns, whose names and form are the client's to change. Throws
 * `STORE_ERROR` where they have become something else: the record is sound, so nobody shall forget it.
 */
export function recordRow(row: unknown): SqlRow {
  const columns = columnsOf(row);
  const numbers = columns[0];
  const isSound = columns.length >= 3 && (numbers === null || NUMBERS.test(String(numbers)));
  if (!isSound) {
    throw new StoreError(
      `pool: expected the statement's columns, in their order and as texts; got ${describe(row)}. ` +
        "Give the store a client that leaves rows as they come",
    );
  }
  const [fingerprint, outcome] = columns.slice(-2);
  return { numbers, run_id: columns.at(-3), fingerprint, outcome };
}
