import { PAGE, PAGE_OF_RESULTS } from "../sql/list.ts";
import { type SqlDialect, type SqlStatement, statement } from "../sql/operations.ts";
import { sqlTexts } from "../sql/statements.ts";
import { tableSchema } from "../sql/table.ts";

const DIALECT: SqlDialect = {
  // Days since noon in 4714 BC, as every version has them; a millisecond is well within a double's reach.
  now: "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)",
  key: "key",
  skipLocked: "",
  done: "",
  parameters: "anonymous",
  least: "min",
  numbers: numbers => numbers.map((number, index) => `${number} AS number_${index}`).join(", "),
};

// Cloudflare's clients count rows and index entries together: a row for each that was changed says it plainly.
const CLOUDFLARE: SqlDialect = { ...DIALECT, done: "RETURNING 1 AS done" };

export type SqliteForms = ReturnType<typeof sqliteForms>;

/** The statements on a table, whose name is quoted; `pageOfResults` is how many rows with results a page looks at. */
export function sqliteForms(table: string) {
  return formsOf(table, DIALECT, PAGE_OF_RESULTS);
}

/** The same for D1 and Durable Objects, where a statement that changes rows answers with one for each. */
export function cloudflareForms(table: string, pageOfResults = PAGE_OF_RESULTS): SqliteForms {
  return formsOf(table, CLOUDFLARE, pageOfResults);
}

function formsOf(table: string, dialect: SqlDialect, pageOfResults: number) {
  const { insert, take, takeAsked: _, apart: __, list, ...texts } = sqlTexts(table, dialect);
  return prepared(dialect, {
    ...texts,
    insert: insert("1 = 1"),
    take: take("1 = 1"),
    list: list(PAGE),
    listResults: list(pageOfResults),
  });
}

function prepared<Name extends string>(
  dialect: SqlDialect,
  texts: Record<Name, string>,
): Record<Name, SqlStatement> {
  const entries = Object.entries<string>(texts).map(([name, text]) => [name, statement(text, dialect)]);
  return Object.fromEntries(entries) as Record<Name, SqlStatement>;
}

/** With the records in the key's own tree: one page less to find, and one less to write. */
export function schemaOf(table: string): readonly string[] {
  const [records, index] = tableSchema(table, { key: "text", integer: "integer" });
  return [`${records} WITHOUT ROWID`, index];
}
