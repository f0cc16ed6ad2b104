import type { ClaimRequest, ClaimResult, IdempotencyStore, StoreRecord } from "../../contract/store.ts";
import { type ListedRow, listRecords } from "../sql/list.ts";
import { claimValues, type SqlStatement, type SqlValues, seenValues } from "../sql/operations.ts";
import type { Purgeable } from "../sql/purge.ts";
import { claimResult, storeRecord } from "../sql/record.ts";
import { rowOf } from "./connection.ts";
import type { AskD1, Asked, Rows } from "./d1-client.ts";
import type { PurgeAlong } from "./purge-along.ts";
import type { SqliteForms } from "./statements.ts";

const BATCH = 500;
// Each further one takes another claim that comes and goes just in between.
const CLAIM_TRIES = 10;

/** The operations of a store in D1: each is one round trip, and another where it finds what is unusual. */
export function d1Operations(ask: AskD1, forms: SqliteForms, along: PurgeAlong) {
  /** The rows of one statement. */
  const rowsOf = async (form: SqlStatement, values: Partial<SqlValues>): Promise<Rows> =>
    (await ask([form, values]))[0]!;

  async function claim(key: string, request: ClaimRequest): Promise<ClaimResult> {
    const asked = claimStatements(forms, key, request);
    for (let tries = 0; tries < CLAIM_TRIES; tries++) {
      const [taken, blocked] = await askPurging(ask, forms, along, asked, 1);
      const row = taken![0] ?? blocked![0];
      if (row !== undefined) return claimResult(rowOf(row));
      // What kept the claim from the key ended between the two statements.
    }
    throw new Error(`The claim met a new record at each of ${CLAIM_TRIES} tries`);
  }

  async function read(key: string): Promise<StoreRecord | undefined> {
    const [row] = await rowsOf(forms.read, { key });
    return row && storeRecord(rowOf(row));
  }

  type Values = Partial<SqlValues> & { key: string };

  /** Whether it did it, by the `usual` way or another; a record that nobody can read is no reason to say no. */
  async function did(form: SqlStatement, values: Values, usual?: SqlStatement): Promise<boolean> {
    if ((await rowsOf(usual ?? form, values)).length > 0) return true;
    const again = usual === undefined ? [] : [[form, values] as const];
    const answers = await ask(...again, [forms.read, { key: values.key }]);
    const [found] = answers.at(-1)!;
    if (found !== undefined) storeRecord(rowOf(found));
    return usual !== undefined && answers[0]!.length > 0;
  }

  return {
    claim,
    read,
    renew: (key, token, lease) => did(forms.renew, { key, token, lease }),
    complete: (key, token, outcome, ttl) =>
      did(forms.complete, { key, token, outcome, ttl }, forms.completeInTime),
    release: (key, token) => did(forms.release, { key, token }),
    settle: (key, outcome, ttl, seen) => did(forms.settle, { key, outcome, ttl, ...seenValues(seen) }),
    reopen: (key, seen) => did(forms.reopen, { key, ...seenValues(seen) }),
    async forget(key, seen) {
      if (seen === undefined) return (await rowsOf(forms.forget, { key })).length > 0;
      if ((await rowsOf(forms.forgetSeen, { key, ...seenValues(seen) })).length > 0) return true;
      // S11: it is gone where no other claim stands in its place.
      return (await read(key)) === undefined;
    },
    list(query) {
      const form = query.status === "completed" ? forms.listResults : forms.list;
      return listRecords(query, async values => (await rowsOf(form, values)).map(listedRow));
    },
    async purge() {
      for (let removed = 0; ; ) {
        const count = (await rowsOf(forms.purge, { limit: BATCH })).length;
        removed += count;
        if (count < BATCH) return removed;
      }
    },
  } satisfies IdempotencyStore & Purgeable;
}

/** What one claim asks, in one transaction: to take the key, and what keeps it from it. One of them has a row. */
export function claimStatements(forms: SqliteForms, key: string, request: ClaimRequest): [Asked, Asked] {
  const values = claimValues(key, request);
  return [
    [forms.take, values],
    [forms.blocked, values],
  ];
}

/** Asks, and removes what is past its time along with it if that is due (S10). */
export async function askPurging(
  ask: AskD1,
  forms: SqliteForms,
  along: PurgeAlong,
  asked: readonly Asked[],
  claims: number,
): Promise<readonly Rows[]> {
  const limit = along.due(claims);
  if (limit === 0) return ask(...asked);
  // After the claims: what they meet is theirs to judge.
  const answers = await ask(...asked, [forms.purge, { limit }]);
  along.removed(answers.at(-1)!.length, limit);
  return answers;
}

/** A row of a listing, whose record comes after where its page ends and its key. */
function listedRow([last, key, ...columns]: readonly unknown[]): ListedRow {
  return { last, key, row: rowOf(columns) };
}
