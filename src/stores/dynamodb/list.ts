import { isIdempotencyError } from "../../contract/errors.ts";
import type { ListedRecord, ListQuery } from "../../contract/store.ts";
import { within } from "../../util/within.ts";
import { atMost } from "../shared/many.ts";
import { RECORD_VERSION } from "../shared/record.ts";
import { type Item, number, text } from "./attribute.ts";
import { PAST, purging } from "./changes.ts";
import { ageOf, keyOf, type Now, readItem, shown } from "./item.ts";
import type { Requests, ScanPage } from "./requests.ts";

const CONDITIONS: Readonly<Record<ListQuery["status"], string>> = {
  "in-progress": "#state = :state AND #lease_until > :past",
  uncertain: "#state = :state AND #lease_until <= :past",
  released: "#state = :state",
  completed: "#state = :state",
};

// All but the outcome, which is read where it is asked for.
const ATTRIBUTES = [
  "key",
  "version",
  "state",
  "attempt",
  "run_id",
  "fingerprint",
  "takeover",
  "ttl_ms",
  "claimed_at",
  "lease_until",
  "expires_at",
];

/** The records that the query asks for: the server reads the whole table, and answers with those, page by page. */
export async function* listRecords(
  requests: Requests,
  query: ListQuery,
  look: () => Now,
): AsyncGenerator<ListedRecord, void, undefined> {
  const { status, olderThanMs = 0 } = query;
  for await (const { items, now } of pages(requests, query, look)) {
    for (const item of items) {
      const listed = readable(item);
      if (listed === undefined || ageOf(listed.record, now) < olderThanMs) continue;
      const record = shown(listed.record, now);
      if (record.status === status) yield { key: listed.key, ...record };
    }
  }
}

async function* pages(requests: Requests, { prefix, status, timeoutMs }: ListQuery, look: () => Now) {
  const state = status === "completed" || status === "released" ? status : "held";
  const begins = prefix === "" ? "" : "begins_with(#key, :prefix) AND ";
  let from: Item | undefined;
  do {
    const now = look();
    const page: ScanPage = {
      filter: `${begins}#version = :version AND #expires_at > :past AND ${CONDITIONS[status]}`,
      attributes: status === "completed" ? [...ATTRIBUTES, "outcome"] : ATTRIBUTES,
      values: {
        version: number(RECORD_VERSION),
        state: text(state),
        past: number(now.past),
        prefix: text(prefix),
      },
      from,
    };
    const { items, next } = await inTime(requests.scan(page), timeoutMs);
    yield { items, now };
    from = next;
  } while (from !== undefined);
}

function inTime<T>(answer: Promise<T>, timeoutMs: number | undefined): Promise<T> {
  if (timeoutMs === undefined) return answer;
  return within(answer, timeoutMs, () => new Error(`no answer within ${timeoutMs} ms`));
}

/** A record that cannot be read has no status, and is in no listing. */
function readable(item: Item) {
  try {
    return { key: keyOf(item), record: readItem(item) };
  } catch (error) {
    if (isIdempotencyError(error, "RESULT_UNAVAILABLE")) return undefined;
    throw error;
  }
}

const AT_ONCE = 16;

/** S10: removes what is past its time, and answers how many records that were. */
export async function purge(requests: Requests, look: () => Now): Promise<number> {
  const inTurn = atMost(AT_ONCE);
  let removed = 0;
  let from: Item | undefined;
  do {
    const now = look();
    const values = { past: number(now.past) };
    const page = await requests.scan({ filter: PAST, attributes: ["key"], values, from });
    const removals = page.items.map(item => inTurn(() => requests.write(purging(keyOf(item), now))));
    removed += (await Promise.all(removals)).filter(({ done }) => done).length;
    from = page.next;
  } while (from !== undefined);
  return removed;
}
