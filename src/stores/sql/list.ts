import { isIdempotencyError } from "../../contract/errors.ts";
import type { ListedRecord, ListQuery, StoreRecord } from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { within } from "../../util/within.ts";
import { originalText, storableText } from "../shared/record.ts";
import type { SqlValues } from "./operations.ts";
import { type SqlRow, storeRecord } from "./record.ts";

/** A row of a page: where the page ends, and the key and the record, if it has one. */
export interface ListedRow {
  readonly last: unknown;
  /** No text where the record is not one that is listed. */
  readonly key: unknown;
  readonly row: SqlRow;
}

/** Keys that a page looks at: a statement of a few milliseconds. */
export const PAGE = 1_000;
/** The same where it answers with results, of which each may have megabytes. */
export const PAGE_OF_RESULTS = 50;

// No key comes between a text and the same with this after it, since none has a NUL.
const NEXT = "\u0001";

/** The records of the query, page by page in the order of the table's primary key. */
export async function* listRecords(
  { prefix, status, olderThanMs, timeoutMs }: ListQuery,
  ask: (values: Partial<SqlValues>) => Awaitable<readonly ListedRow[]>,
): AsyncGenerator<ListedRecord, void, undefined> {
  const first = storableText(prefix);
  for (let start = first; start.startsWith(first); ) {
    const page = await inTime(ask({ start, status, older: olderThanMs || undefined }), timeoutMs);
    for (const { key, row } of page) {
      const record = typeof key === "string" && key.startsWith(first) ? readable(row) : undefined;
      if (record !== undefined) yield { key: originalText(key as string), ...record };
    }
    if (page.length === 0) return;
    start = page[0]!.last + NEXT;
  }
}

/** What the server answers, unless that takes too long. */
async function inTime<T>(answer: Awaitable<T>, timeoutMs: number | undefined): Promise<T> {
  const given = Promise.resolve(answer);
  if (timeoutMs === undefined) return given;
  return within(given, timeoutMs, () => new Error(`no answer within ${timeoutMs} ms`));
}

/** A record that cannot be read has no status, and is in no listing. */
function readable(row: SqlRow): StoreRecord | undefined {
  try {
    return storeRecord(row);
  } catch (error) {
    if (isIdempotencyError(error, "RESULT_UNAVAILABLE")) return undefined;
    throw error;
  }
}
