import { codeOf, type PostgresClient, type PostgresQuery } from "./client.ts";
import { schemaOf } from "./statements.ts";

type Rows = readonly Record<string, unknown>[];

// A serialisation failure and a deadlock: nothing was done, and the next try meets what was in the way.
const PASSING: readonly unknown[] = ["40001", "40P01"];
// What `IF NOT EXISTS` fails with where two make the same thing at once.
const MADE_MEANWHILE: readonly unknown[] = ["23505", "42P07", "42710"];
const TRIES = 20;
const SPREAD_MS = 4;

/** Asks, and asks again where the server says that another transaction was in the way. */
export async function askServer(client: PostgresClient, query: PostgresQuery): Promise<Rows> {
  return retrying(PASSING, async () => (await client.query(query)).rows);
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

/** Makes the table where it is not there. */
export async function makeTable(client: PostgresClient, table: string): Promise<void> {
  const isThere = "SELECT to_regclass($1) IS NOT NULL AS is_there";
  await retrying([...PASSING, ...MADE_MEANWHILE], async () => {
    // `IF NOT EXISTS` alone asks for the right to make one where there is nothing to make.
    const { rows } = await client.query({ text: isThere, values: [table] });
    const { is_there: isMade } = rows[0] ?? {};
    // As one message, and thus in one transaction.
    if (isMade !== true) await client.query({ text: schemaOf(table), values: [] });
  });
}
