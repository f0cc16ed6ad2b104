import type { IdempotencyStore } from "../../contract/store.ts";
import { claimValues, type SqlValues, seenValues } from "../sql/operations.ts";
import { claimResult, firstClaim, type SqlRow, seenResult, storeRecord } from "../sql/record.ts";
import { channelOf, hintOf } from "./hints.ts";
import type { PostgresOperation } from "./statements.ts";

/** Sends the statement of an operation, and answers with its rows. */
export type Ask = (operation: PostgresOperation, values: Partial<SqlValues>) => Promise<readonly SqlRow[]>;

// Each further one takes another claim that comes and goes just in between.
const CLAIM_TRIES = 10;

/** The operations of a store, a statement each. With a `table`, the others are told of what ends a claim. */
export function postgresOperations(ask: Ask, table?: string): Omit<IdempotencyStore, "settled"> {
  const channel = table === undefined ? undefined : channelOf(table);
  const told = (key: string, values?: Partial<SqlValues>) =>
    Object.assign({ key, channel, hint: channel && hintOf(key) }, values);

  async function read(key: string) {
    const [row] = await ask("read", { key });
    return row && storeRecord(row);
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
        const [row] = await ask("claim", values);
        if (row?.numbers === null) return firstClaim(request);
        const seen = row && seenResult(row);
        if (seen !== undefined) return seen;
        // Past its time, released, uncertain or its own.
        const [taken] = await ask("take", values);
        if (taken !== undefined) return claimResult(taken);
        // A record came in between: unseen when the statement began, and in its way when it wrote.
      }
      throw new Error(`The claim met a new record at each of ${CLAIM_TRIES} tries`);
    },
    read,
    renew: (key, token, lease) =>
      lease === 0 ? did("hold", told(key, { token, lease })) : did("renew", { key, token, lease }),
    complete: (key, token, outcome, ttl) => did("complete", told(key, { token, outcome, ttl })),
    release: (key, token) => did("release", told(key, { token })),
    settle: (key, outcome, ttl, seen) => did("settle", told(key, { outcome, ttl, ...seenValues(seen) })),
    async forget(key, seen) {
      if (seen === undefined) return (await ask("forget", told(key))).length > 0;
      const { length } = await ask("forgetSeen", told(key, seenValues(seen)));
      // S11: it is gone where no other claim stands in its place.
      return length > 0 || (await read(key)) === undefined;
    },
  };
}
