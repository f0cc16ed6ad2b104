import { invalidOption } from "../../contract/validate.ts";

/** The types of a table's columns, where the databases differ. */
export interface SqlTypes {
  /** A text of which every code unit counts. */
  readonly key: string;
  /** A whole number of at least 53 bits. */
  readonly integer: string;
  /** A token or a fingerprint. */
  readonly text: string;
  /** A result, of any size. */
  readonly outcome: string;
}

// PostgreSQL's names have room for 63 bytes, and the index adds to the table's.
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,50}$/;

/** The name of a table, quoted part by part: its schema may stand before it. Throws `INVALID_OPTION`. */
export function quotedTable(value: unknown, quote: '"' | "`" = '"'): string {
  const parts = typeof value === "string" ? value.split(".") : [];
  if (parts.length < 1 || parts.length > 2 || !parts.every(part => NAME.test(part))) {
    const allowed = "of 1 to 51 ASCII letters, digits and underscores, which no digit begins";
    return invalidOption("table", `a name ${allowed}, or a schema's and a table's with a dot between`, value);
  }
  return parts.map(part => quote + part + quote).join(".");
}

/** The columns of a table, by the name of the first. */
export function columnsOf(name: string, { key, integer, text, outcome }: SqlTypes): string {
  return `  ${name} ${key} NOT NULL PRIMARY KEY,
  version ${integer} NOT NULL,
  attempt ${integer} NOT NULL,
  ttl_ms ${integer} NOT NULL,
  claimed_at ${integer} NOT NULL,
  lease_until ${integer} NOT NULL,
  expires_at ${integer} NOT NULL,
  purge_at ${integer} NOT NULL,
  takeover boolean NOT NULL DEFAULT FALSE,
  token ${text},
  run_id ${text} NOT NULL,
  fingerprint ${text},
  outcome ${outcome}`;
}

/** The statements that make a table, whose name is quoted, and its index. */
export function tableSchema(
  table: string,
  types: Pick<SqlTypes, "key" | "integer">,
): readonly [string, string] {
  // The index stands in the table's schema by itself.
  const index = table.slice(table.lastIndexOf(".") + 1).replace(/"$/, '_purge_at"');
  return [
    `CREATE TABLE IF NOT EXISTS ${table} (
${columnsOf("key", { text: "text", outcome: "text", ...types })}
)`,
    `CREATE INDEX IF NOT EXISTS ${index} ON ${table} (purge_at)`,
  ];
}
