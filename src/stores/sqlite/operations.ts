import type {
  ClaimItem,
  ClaimRequest,
  ClaimResult,
  CompleteItem,
  IdempotencyStore,
  ReleaseItem,
  RenewItem,
  StoreRecord,
} from "../../contract/store.ts";
import { type ListedRow, listRecords } from "../sql/list.ts";
import { claimValues, type SqlValues, seenValues } from "../sql/operations.ts";
import type { Purgeable } from "../sql/purge.ts";
import { claimResult, firstClaim, storeRecord } from "../sql/record.ts";
import { type Connection, rowOf } from "./connection.ts";
import { manyAtOnce, type Perform } from "./many.ts";
import type { SqliteForms } from "./statements.ts";

const BATCH = 500;
// Some ten milliseconds, which hold up all else in this process.
const PAGES_AT_ONCE = 3;
// Each further one takes another claim that comes and goes just in between.
const CLAIM_TRIES = 10;

/** The operations of a store whose database answers at once. */
export function sqliteOperations(connection: Connection, forms: SqliteForms, perform: Perform) {
  function claimNow(key: string, request: ClaimRequest): ClaimResult {
    const values = claimValues(key, request);
    for (let tries = 0; tries < CLAIM_TRIES; tries++) {
      const known = connection.find(forms.read, values);
      // A replay writes nothing, and takes no lock.
      if (known && known.outcome !== null) return claimResult(known);
      const isNew = known === undefined && connection.change(forms.insert, values) > 0;
      if (isNew) return firstClaim(request);
      const row = connection.find(forms.blocked, values) ?? connection.write(forms.take, values);
      if (row !== undefined) return claimResult(row);
      // A record came in between.
    }
    throw new Error(`The claim met a new record at each of ${CLAIM_TRIES} tries`);
  }

  function readNow(key: string): StoreRecord | undefined {
    const row = connection.find(forms.read, { key });
    return row && storeRecord(row);
  }

  type Form = keyof typeof forms;
  type Values = Partial<SqlValues> & { key: string };

  /** Whether it did it, by the `usual` way or another; a record that nobody can read is no reason to say no. */
  function didNow(name: Form, values: Values, usual?: Form): boolean {
    if (usual !== undefined && connection.change(forms[usual], values) > 0) return true;
    if (connection.change(forms[name], values) > 0) return true;
    readNow(values.key);
    return false;
  }
  const did = (name: Form, values: Values, usual?: Form) => perform(() => didNow(name, values, usual));

  // What a claim answers that writes nothing and takes no lock; undefined for any other.
  function replayNow({ key }: ClaimItem): ClaimResult | undefined {
    const known = connection.find(forms.read, { key });
    return known && known.outcome !== null ? claimResult(known) : undefined;
  }
  // It has been looked for, and is mostly new.
  const claimItem = ({ key, request }: ClaimItem) => {
    const isNew = connection.change(forms.insert, claimValues(key, request)) > 0;
    return isNew ? firstClaim(request) : claimNow(key, request);
  };
  const renewItem = ({ key, token, leaseMs }: RenewItem) => didNow("renew", { key, token, lease: leaseMs });
  const completeItem = ({ key, token, outcome, ttlMs }: CompleteItem) =>
    didNow("complete", { key, token, outcome, ttl: ttlMs }, "completeInTime");
  const releaseItem = ({ key, token }: ReleaseItem) => didNow("release", { key, token });
  const inOne = manyAtOnce(connection, perform);

  return {
    claim: (key: string, request: ClaimRequest) => perform(() => claimNow(key, request)),
    claimMany: (items: readonly ClaimItem[]) => inOne(items, claimItem, replayNow),
    renewMany: (items: readonly RenewItem[]) => inOne(items, renewItem),
    completeMany: (items: readonly CompleteItem[]) => inOne(items, completeItem),
    releaseMany: (items: readonly ReleaseItem[]) => inOne(items, releaseItem),
    read: key => perform(() => readNow(key)),
    renew: (key, token, lease) => did("renew", { key, token, lease }),
    complete: (key, token, outcome, ttl) => did("complete", { key, token, outcome, ttl }, "completeInTime"),
    release: (key, token) => did("release", { key, token }),
    settle: (key, outcome, ttl, seen) => did("settle", { key, outcome, ttl, ...seenValues(seen) }),
    reopen: (key, seen) => did("reopen", { key, ...seenValues(seen) }),
    forget: (key, seen) =>
      perform(() => {
        if (seen === undefined) return connection.change(forms.forget, { key }) > 0;
        if (connection.change(forms.forgetSeen, { key, ...seenValues(seen) }) > 0) return true;
        // S11: it is gone where no other claim stands in its place.
        return readNow(key) === undefined;
      }),
    list(query) {
      const form = query.status === "completed" ? forms.listResults : forms.list;
      let pages = 0;
      return listRecords(query, async values => {
        // Others have their turn in between.
        if (++pages % PAGES_AT_ONCE === 0) await new Promise(resolve => setTimeout(resolve));
        return (await perform(() => connection.findAll(form, values))).map(listedRow);
      });
    },
    async purge() {
      let removed = 0;
      for (;;) {
        const count = await perform(() => connection.change(forms.purge, { limit: BATCH }));
        removed += count;
        if (count < BATCH) return removed;
        // Others have their turn in between.
        await new Promise(resolve => setTimeout(resolve));
      }
    },
  } satisfies IdempotencyStore & Purgeable;
}

/** A row of a listing, whose record comes after where its page ends and its key. */
function listedRow([last, key, ...columns]: readonly unknown[]): ListedRow {
  return { last, key, row: rowOf(columns) };
}
