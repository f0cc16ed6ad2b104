import type { Each } from "../../contract/store.ts";
import { asError, atMost } from "../shared/many.ts";
import { storableText } from "../shared/record.ts";
import { sqlTexts } from "../sql/statements.ts";
import {
  type BatchItem,
  type BatchStatement,
  batchQuery,
  batchStatement,
  LOCK_TIMEOUT,
  MOST_OUTCOME,
  rowsByKey,
  type Text,
} from "./batch-statements.ts";
import { codeOf, type PostgresClient, writing } from "./client.ts";
import { askNotifying, explaining } from "./server.ts";
import { ANSWER, DIALECT } from "./statements.ts";

/** What one statement does for many keys. `check` answers with the records, so that it is known who can read them. */
export type ManyOperation = "claim" | "take" | "renew" | "hold" | "complete" | "release" | "check";

// How long a statement waits for a key that another transaction has locked, and how long each part of it does then.
const PATIENCE = { first: LOCK_TIMEOUT, again: "20ms" } as const;
type Patience = keyof typeof PATIENCE;

// Always true: see `FEW` of the statements that calls share.
const FEW = "a.key || '' = a.key";

/**
 * The statements of all operations. Each takes its keys in their order, so that no two wait in a circle, and `given` is
 * all that it was given.
 */
function manyTexts(table: string, notify: boolean, patience: string): Record<ManyOperation, Text> {
  const { seen, blocked, insert, takeAsked, renew, complete, release, read } = sqlTexts(table, {
    ...DIALECT,
    done: "RETURNING r.key",
    from: " FROM asked AS a",
  });
  const given = `WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', '${patience}', true) AS is_set),
given AS MATERIALIZED (SELECT a.* FROM patience, GIVEN AS a WHERE patience.is_set <> '' AND ${FEW}),`;
  const inOrder = `ORDER BY :key COLLATE "C"`;
  const asked = (which: string) =>
    `asked AS MATERIALIZED (SELECT a.* FROM given AS a WHERE ${which} ${inOrder}),`;
  // A large result is read alone.
  const small = `(outcome IS NULL OR octet_length(outcome) <= ${MOST_OUTCOME})`;
  const ending = (update: string, notifies = notify): Text => ({
    given: `${given}\n${asked("TRUE")}`,
    rest: notifies
      ? `done AS (${update}, :channel, :hint) SELECT key, pg_notify(channel, hint) FROM done`
      : `done AS (${update}) SELECT key FROM done`,
  });
  return {
    // S1: what `seen` may see is not inserted beside. Each record is looked for once.
    claim: {
      given: `${given}
known AS MATERIALIZED (
  SELECT a.*, s.numbers, s.fingerprint AS print, s.outcome FROM given AS a LEFT JOIN LATERAL (${seen}) AS s ON TRUE
),
asked AS (SELECT a.* FROM known AS a WHERE a.numbers IS NULL),`,
      rest: `fresh AS (${insert(`TRUE ${inOrder}`)})
SELECT key, numbers, print, outcome FROM known WHERE numbers IS NOT NULL AND ${small}
UNION ALL SELECT key, NULL, NULL, NULL FROM fresh`,
    },
    take: {
      given: `${given}\n${asked(`NOT EXISTS (${blocked})`)}`,
      rest: `taken AS (${takeAsked})
SELECT key, ${ANSWER} FROM taken
UNION ALL SELECT a.key, s.* FROM given AS a CROSS JOIN LATERAL (${blocked}) AS s WHERE ${small}`,
    },
    // S5: for the token that holds the key.
    renew: ending(renew, false),
    hold: ending(renew),
    complete: ending(complete),
    release: ending(release),
    check: {
      given,
      rest: `seen AS (SELECT a.key, s.* FROM given AS a CROSS JOIN LATERAL (${read}) AS s)
SELECT key, numbers, run_id, fingerprint, CAST(NULL AS text) AS outcome FROM seen`,
    },
  };
}

type Statements = Record<ManyOperation, BatchStatement>;

function statementsOf(texts: Record<ManyOperation, Text>, prepare: boolean): Statements {
  const made = Object.entries(texts).map(([name, text]) => [
    name,
    batchStatement(`${name}_many`, text, prepare),
  ]);
  return Object.fromEntries(made) as Statements;
}

/** The columns of each key's row in their place; nothing where there is none, or the error that its part failed with. */
export type AskEach = (
  operation: ManyOperation,
  items: readonly BatchItem[],
) => Promise<Each<readonly unknown[] | undefined>[]>;

const LANES = 4;
const MOST = 256;
// Characters of results in one statement.
const MOST_TEXT = 2 ** 20;

// What the server says of a statement because of a row of it: its data, a constraint, another transaction, its size.
const OF_A_ROW = /^(?:2[123]|40|5[45]|57014|P0|XX)\w*$/;

/**
 * Asks the server for keys of which none stands there twice, by a few statements. Each of them happens as a whole or not
 * at all. One that fails because of some key is asked again in halves, so that it fails for that one alone.
 */
export function manyAsk(
  client: PostgresClient,
  table: string,
  { prepare, notify }: { prepare: boolean; notify: boolean },
): AskEach {
  const statements = (notifies: boolean, patience: Patience) =>
    statementsOf(manyTexts(table, notifies, PATIENCE[patience]), prepare);
  const usual = { first: statements(notify, "first"), again: statements(notify, "again") };
  const silent = notify ? { first: statements(false, "first"), again: statements(false, "again") } : usual;

  async function ask(operation: ManyOperation, items: readonly BatchItem[], patience: Patience) {
    const query = batchQuery(usual[patience][operation], items);
    const ask = () => askNotifying(client, query, () => batchQuery(silent[patience][operation], items));
    const rows = await explaining(table, () => writing(client, ask));
    const rowOf = rowsByKey(rows);
    return items.map(({ key }) => rowOf.get(storableText(key)));
  }

  return async (operation, items) => {
    const inLane = atMost(LANES);
    async function askPart(part: readonly BatchItem[], patience: Patience): ReturnType<AskEach> {
      try {
        return await inLane(() => ask(operation, part, patience));
      } catch (error) {
        const isOfOne = part.length > 1 && OF_A_ROW.test(String(codeOf(error)));
        if (!isOfOne) return part.map(() => asError(error));
        const middle = part.length >> 1;
        const halves = [part.slice(0, middle), part.slice(middle)];
        return (await Promise.all(halves.map(half => askPart(half, "again")))).flat();
      }
    }
    return (await Promise.all(partsOf(items).map(part => askPart(part, "first")))).flat();
  };
}

/** The items by the statements that they have room in. */
function partsOf(items: readonly BatchItem[]): BatchItem[][] {
  const parts: BatchItem[][] = [];
  let size = 0;
  for (const item of items) {
    const { length } = item.outcome ?? "";
    const last = parts.at(-1);
    size += length;
    if (last !== undefined && last.length < MOST && size <= MOST_TEXT) last.push(item);
    else {
      parts.push([item]);
      size = length;
    }
  }
  return parts;
}
