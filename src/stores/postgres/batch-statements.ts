import { storableText } from "../shared/record.ts";
import { type SqlValues, TYPES, type ValueName } from "../sql/operations.ts";
import { sqlTexts } from "../sql/statements.ts";
import { columnsOf, hasTransaction, type PostgresClient, type PostgresQuery } from "./client.ts";
import { rowsOf } from "./server.ts";
import { DIALECT, preparedName, TEXTS } from "./statements.ts";

/** The operations that one statement can do for several keys. */
export type BatchOperation = "claim" | "complete";

/** The values of an operation on one of several keys. */
export type BatchItem = Partial<SqlValues> & { key: string };

/**
 * Does an operation on several keys by one statement, in which each key stands once, and answers with the rows of each
 * in their order, as its own statement would. `undefined` stands for one that has to be asked alone. It happens as a
 * whole or not at all.
 */
export type AskMany = (
  operation: BatchOperation,
  items: readonly BatchItem[],
) => Promise<(readonly unknown[] | undefined)[]>;

// How long a joined claim waits for another transaction that has made one of its keys and is still open. Two joined
// statements that meet wait for a commit only, which takes less. PostgreSQL looks for a deadlock after a second.
export const LOCK_TIMEOUT = "100ms";
// Bytes of a result that is read together with others.
export const MOST_OUTCOME = 2 ** 16;

// Always true. By it the planner expects one row, and so looks each key up by the index, also where the table was small
// when the statement was prepared.
const FEW = "a.ttl + 0 = a.ttl";

/** An operation on all keys of `asked`, a row for each. `:name`s are its columns, and `GIVEN` is the arrays. */
export type Text = { given: string; rest: string };

function batchTexts(table: string, notify: boolean): Record<BatchOperation, Text> {
  const { seen, insert, complete } = sqlTexts(table, {
    ...DIALECT,
    done: "RETURNING r.key",
    from: " FROM asked AS a",
  });
  // S1: in the order of the keys, so that no two batches each wait for the other.
  const unseen = `NOT EXISTS (SELECT FROM ${table} AS r WHERE r.key = :key) ORDER BY :key COLLATE "C"`;
  return {
    // Only the insert can wait: for a transaction that has made the same key and has not committed yet.
    claim: {
      given: `WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', '${LOCK_TIMEOUT}', true) AS is_set),
asked AS MATERIALIZED (SELECT a.* FROM patience, GIVEN AS a WHERE patience.is_set <> '' AND ${FEW}),`,
      rest: `fresh AS (${insert(unseen)})
SELECT a.key, s.* FROM asked AS a CROSS JOIN LATERAL (${seen}) AS s
WHERE s.outcome IS NULL OR octet_length(s.outcome) <= ${MOST_OUTCOME}
UNION ALL SELECT key, NULL, NULL, NULL FROM fresh`,
    },
    // S5: for the token that holds the key. What another transaction has locked is left out, and asked alone.
    complete: {
      given: `WITH given AS MATERIALIZED (SELECT a.* FROM GIVEN AS a WHERE ${FEW}),
asked AS MATERIALIZED (SELECT a.* FROM given AS a CROSS JOIN LATERAL (
  SELECT FROM ${table} AS r WHERE r.key = :key AND r.token = :token FOR NO KEY UPDATE SKIP LOCKED
) AS r),`,
      rest: notify
        ? `done AS (${complete}, :channel, :hint) SELECT key, pg_notify(channel, hint) FROM done`
        : `done AS (${complete}) SELECT key FROM done`,
    },
  };
}

export interface BatchStatement {
  readonly text: string;
  readonly name: string | undefined;
  /** The columns of `asked`, one parameter each. */
  readonly names: readonly ValueName[];
}

const NAMED = /:([a-z]+)\b/g;

/** Puts arrays in the places of the `:name`s: one text, however many keys there are. */
export function batchStatement(operation: string, { given, rest }: Text, prepare: boolean): BatchStatement {
  const names = [...new Set([...`${given}${rest}`.matchAll(NAMED)].map(([, name]) => name as ValueName))];
  // As texts, which every client sends as they are.
  const arrays = names.map((name, n) => `CAST(CAST($${n + 1} AS text) AS ${TYPES[name]}[])`);
  const source = `unnest(${arrays.join(", ")})`;
  const text = `${given.replace("GIVEN AS a", `${source} AS a(${names.join(", ")})`)}\n${rest}`.replace(
    NAMED,
    "a.$1",
  );
  return { text, names, name: prepare ? preparedName(operation, text) : undefined };
}

const UNSAFE = /["\\]/g;

/** The values as PostgreSQL writes an array. */
function arrayText(values: readonly BatchItem[ValueName][]): string {
  const written = values.map(value => {
    if (typeof value === "string") return `"${storableText(value).replace(UNSAFE, "\\$&")}"`;
    return value === undefined ? "NULL" : String(Number(value));
  });
  return `{${written.join(",")}}`;
}

/** The statement with the values of the items. */
export function batchQuery(
  { text, name, names }: BatchStatement,
  items: readonly BatchItem[],
): PostgresQuery {
  const values = names.map(column => arrayText(items.map(item => item[column])));
  return { text, values, types: TEXTS, ...(name !== undefined && { name }) };
}

/** The rows by their keys, as the table has them. The key stands before what its own statement would answer with. */
export function rowsByKey(rows: readonly unknown[]): Map<unknown, readonly unknown[]> {
  return new Map(rows.map(columnsOf).map(([key, ...row]) => [key, row]));
}

/** Asks the server for several keys at once. Rejects where the statement failed, and then nothing was done. */
export function batchAsk(
  client: PostgresClient,
  table: string,
  { prepare, notify }: { prepare: boolean; notify: boolean },
): AskMany {
  const texts = batchTexts(table, notify);
  const statements = {
    claim: batchStatement("claims", texts.claim, prepare),
    complete: batchStatement("completions", texts.complete, prepare),
  };
  return async (operation, items) => {
    // The caller's own transaction would keep the timeout, and end with an error.
    if (hasTransaction(client)) return items.map(() => undefined);
    const rowOf = rowsByKey(rowsOf(await client.query(batchQuery(statements[operation], items))));
    // It began while this waited to be sent: each asks alone, and is refused.
    if (hasTransaction(client)) return items.map(() => undefined);
    return items.map(({ key }) => {
      const row = rowOf.get(storableText(key));
      if (row !== undefined) return [row];
      // A claim without a row goes on as it does alone; a completion may have been left out.
      return operation === "claim" ? [] : undefined;
    });
  };
}
