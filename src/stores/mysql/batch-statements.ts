import type { SqlDialect, SqlValues, ValueName } from "../sql/operations.ts";
import { sqlTexts } from "../sql/statements.ts";
import { DIALECT, insertOf, literal } from "./statements.ts";

/** The values of an operation on one of several keys. */
export type BatchItem = Partial<SqlValues> & { key: string };

/** What one statement does for many keys. `owners` answers with the keys that their tokens hold. */
type BatchOperation = "insert" | "met" | "retake" | "renew" | "complete" | "release" | "owners";

/** Writes the statement of an operation on keys of which none stands there twice. */
export type WriteBatch = (operation: BatchOperation, items: readonly BatchItem[]) => string;

// Bytes of a result that is read together with others.
const MOST_OUTCOME = 2 ** 16;
const ASKED = "ASKED AS a";

// A join by the records' primary key that begins with what was asked, and so locks no others, and these in the order in
// which they were asked: in a small table the server would read, and lock, all that is there.
const BATCH: SqlDialect = {
  ...DIALECT,
  first: "1",
  from: ` FROM ${ASKED}`,
  records: table => `${ASKED} STRAIGHT_JOIN ${table} AS r FORCE INDEX (PRIMARY)`,
  numbers: numbers => `r.key AS asked_key, ${DIALECT.numbers(numbers)}`,
};

/** The statements for many keys on a table, whose name is quoted. */
export function batchStatements(table: string): {
  write: WriteBatch;
  removePast: (keys: readonly Buffer[]) => string;
} {
  const { renew, complete, release, apart } = sqlTexts(table, BATCH);
  const small = `(r.outcome IS NULL OR octet_length(r.outcome) <= ${MOST_OUTCOME})`;
  const texts: Record<BatchOperation, string> = {
    insert: insertOf(table, apart),
    // A large result is read alone.
    met: `${apart.met} AND ${small} LOCK IN SHARE MODE`,
    retake: apart.retake,
    renew,
    complete,
    release,
    owners: `SELECT r.key FROM ${BATCH.records!(table)} WHERE r.key = :key AND ${apart.isOwn} LOCK IN SHARE MODE`,
  };
  return {
    write: (operation, items) => batchText(table, texts[operation], inOrder(items)),
    removePast: keys =>
      joined(
        table,
        apart.forgetPast,
        ["key"],
        [...keys].sort(Buffer.compare).map(key => [hex(key)]),
      ),
  };
}

const hex = (key: Buffer) => `X'${key.toString("hex")}'`;

const NAMED = /:([a-z]+)\b/g;

function batchText(table: string, text: string, items: readonly BatchItem[]): string {
  const names = [...new Set([...text.matchAll(NAMED)].map(([, name]) => name as ValueName))];
  return joined(
    table,
    text,
    names,
    items.map(item => names.map(name => literal(name, item[name]))),
  );
}

const TEXT_COLUMNS: readonly ValueName[] = ["key", "token", "fingerprint", "outcome"];

/**
 * Puts the rows in the place of what is asked, and their columns in those of the `:name`s. What is asked has the types of
 * the table's columns: of literals alone MariaDB makes a type that cuts long ones short, and reports no error.
 */
function joined(
  table: string,
  text: string,
  names: readonly ValueName[],
  rows: readonly (readonly string[])[],
): string {
  const typed = names.map(name => `r.${TEXT_COLUMNS.includes(name) ? name : "ttl_ms"} AS given_${name}`);
  const selects = [`${typed.join(", ")} FROM ${table} AS r WHERE FALSE`, ...rows.map(row => row.join(", "))];
  const source = `(SELECT ${selects.join(" UNION ALL SELECT ")}) AS a`;
  return text.replace(NAMED, "a.given_$1").replace(ASKED, () => source);
}

/** S1: in the order of the keys' bytes, so that no two statements each wait for the other. */
function inOrder(items: readonly BatchItem[]): BatchItem[] {
  const keyed = items.map(item => ({ item, bytes: literal("key", item.key) }));
  return keyed.sort((a, b) => (a.bytes < b.bytes ? -1 : 1)).map(({ item }) => item);
}

const MOST = 256;
// Characters of results in one statement, which has two for each of their bytes: well below any `max_allowed_packet`.
const MOST_TEXT = 2 ** 19;

/** The items by the statements that they have room in. */
export function partsOf<Item extends { outcome?: string }>(items: readonly Item[]): Item[][] {
  const parts: Item[][] = [];
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
