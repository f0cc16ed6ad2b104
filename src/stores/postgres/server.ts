import { StoreError } from "../../contract/errors.ts";
import { describe } from "../../util/describe.ts";
import { codeOf, type PostgresClient, type PostgresQuery } from "./client.ts";
import { makingOf } from "./statements.ts";

const RIGHTS = "SELECT, INSERT, UPDATE, DELETE";

// What an operator can mend, by the server's SQLSTATE.
const ADVICE: Readonly<Record<string, (table: string) => string>> = {
  "42P01": table =>
    `table: expected ${table}, which the server does not have: call migrate(), or run postgresSchema()'s SQL`,
  "42703": table =>
    `table: expected ${table} to be one that migrate() made; a column is missing: name another table`,
  "42501": table =>
    `table: expected the rights ${RIGHTS} on ${table}, and USAGE on its schema: GRANT ${RIGHTS} ON ${table} TO the store's user`,
  "25006": () => "pool: expected a server that writes; got one that is read-only: connect to the primary",
};

/** Rejects with the same error, or one that says how to mend what the server's speaks of. */
export async function explaining<T>(table: string, act: () => PromiseLike<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const advice = ADVICE[String(codeOf(error))];
    if (advice === undefined || !(error instanceof Error)) throw error;
    throw new StoreError(`${advice(table)} (${error.message})`, { cause: error });
  }
}

// A serialisation failure and a deadlock: nothing was done, and the next try meets what was in the way.
const PASSING: readonly unknown[] = ["40001", "40P01"];
// What `IF NOT EXISTS` fails with where two make the same thing at once.
const MADE_MEANWHILE: readonly unknown[] = ["23505", "42P07", "42710"];
const TRIES = 20;
const SPREAD_MS = 4;

/** Asks, and asks again where the server says that another transaction was in the way. */
export async function askServer(client: PostgresClient, query: PostgresQuery): Promise<readonly unknown[]> {
  return retrying(PASSING, async () => rowsOf(await client.query(query)));
}

// What the server may answer because of the notification alone: its queue is full, or its function is not ours to call.
const OF_NOTIFYING = /^(42|53|54|58|XX)/;

/** Has a statement that notifies done without that, where the server refuses it: a hint is worth no completion. */
export async function askNotifying(
  client: PostgresClient,
  notifying: PostgresQuery,
  plain: () => PostgresQuery,
): Promise<readonly unknown[]> {
  try {
    return await askServer(client, notifying);
  } catch (error) {
    if (!OF_NOTIFYING.test(String(codeOf(error)))) throw error;
    return askServer(client, plain());
  }
}

/** The rows of a client's answer. Throws `STORE_ERROR` where it has none: an adapter may have forgotten them. */
export function rowsOf(answer: unknown): readonly unknown[] {
  const { rows } = (answer ?? {}) as { rows?: unknown };
  if (Array.isArray(rows)) return rows;
  throw new StoreError(`pool: expected query to answer with an object with rows; got ${describe(answer)}`);
}

async function retrying<T>(codes: readonly unknown[], act: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (tries === TRIES || !codes.includes(codeOf(error))) throw error;
      // At random, so that those who were in each other's way are not again.
      await new Promise(resolve => setTimeout(resolve, Math.random() * SPREAD_MS * tries));
    }
  }
}

const MAY_NOT_CREATE = "42501";

/** Makes the table and its index where they are not there. */
export async function makeTable(client: PostgresClient, table: string): Promise<void> {
  // Any index that begins with the column will do.
  const find = `SELECT 1 FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
WHERE indrelid = to_regclass(CAST($1 AS text)) AND attname = 'purge_at'`;
  try {
    await retrying([...PASSING, ...MADE_MEANWHILE], async () => {
      // `IF NOT EXISTS` alone asks for the right to make one where there is nothing to make.
      const found = rowsOf(await client.query({ text: find, values: [table] }));
      // One statement, because some clients take no more at once, and so that an index is never left out.
      if (found.length === 0) await client.query({ text: makingOf(table), values: [] });
    });
  } catch (error) {
    if (codeOf(error) !== MAY_NOT_CREATE) throw error;
    throw new StoreError(
      `table: expected the right to make ${table} and its index: run postgresSchema()'s SQL as the owner of the table, or of its schema (${(error as Error).message})`,
      { cause: error },
    );
  }
}
