import { StoreError } from "../../contract/errors.ts";
import { utf8Length } from "../../util/bytes.ts";
import { storableText } from "../shared/record.ts";
import { PAGE, PAGE_OF_RESULTS } from "../sql/list.ts";
import type { SqlDialect, SqlValues, ValueName } from "../sql/operations.ts";
import { type SqlTexts, sqlTexts } from "../sql/statements.ts";
import { columnsOf } from "../sql/table.ts";

/** By which the answer to an `INSERT` tells a new record from one that was there, whatever its client counts. */
export const IS_NEW = 1;
const WAS_THERE = 2;

export const DIALECT: SqlDialect = {
  // The same throughout a statement, and of no time zone.
  now: "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)",
  key: "`key`",
  first: `LAST_INSERT_ID(${IS_NEW})`,
  remove: "DELETE r FROM",
  hasSlowWindows: true,
  byPurge: " FORCE INDEX (purge_at)",
  skipLocked: "FOR UPDATE SKIP LOCKED",
  done: "",
  parameters: "anonymous",
  least: "least",
  // As one text, which no client's option changes.
  numbers: numbers => `concat_ws(',', ${numbers.join(", ")}) AS numbers`,
};

// An index has room for 3,072 bytes, or half of that where pages have 8 KB. A key has up to 300 code units, of which
// each takes up to 5 bytes.
const MOST_BYTES: Partial<Record<ValueName, number>> = { key: 1_536, token: 512, fingerprint: 512 };

// Bytes, because every collation folds letters or ignores spaces at the end (S9).
const TYPES = {
  key: `varbinary(${MOST_BYTES.key})`,
  integer: "bigint",
  text: `varbinary(${MOST_BYTES.token})`,
  outcome: "longblob",
};

/** The statement that makes a table, whose name is quoted, and its index. */
export function schemaOf(table: string): string {
  return `CREATE TABLE IF NOT EXISTS ${table} (
${columnsOf("`key`", TYPES)},
  KEY purge_at (purge_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC`;
}

/**
 * The texts of one key's operations, with `:name`s. What a claim goes by is read with a lock: so it is what was committed
 * last, whatever the isolation level, and in a transaction whatever its snapshot.
 */
export function textsOf(table: string, inTransaction = false) {
  // In a caller's transaction, `LAST_INSERT_ID()` stays what the caller made of it.
  const dialect = inTransaction ? { ...DIALECT, first: "1" } : DIALECT;
  const sign = inTransaction ? "" : ` + LAST_INSERT_ID(${WAS_THERE}) - ${WAS_THERE}`;
  const lock = inTransaction ? "FOR UPDATE" : "LOCK IN SHARE MODE";
  const { renew, complete, release, read, settle, reopen, forget, forgetSeen, list, apart } = sqlTexts(
    table,
    dialect,
  );
  const { met, retake, stands, past, forgetPast } = apart;
  const locking = (text: string) => `${text} ${lock}`;
  const again = (operation: keyof typeof stands) => locking(stands[operation]);
  return {
    insert: insertOf(table, apart, sign),
    met: locking(met),
    retake,
    renew,
    complete,
    release,
    settle,
    reopen,
    renewed: again("renew"),
    completed: again("complete"),
    settled: again("settle"),
    reopened: again("reopen"),
    read: inTransaction ? locking(read) : read,
    forget,
    forgetSeen,
    list: list(PAGE),
    listResults: list(PAGE_OF_RESULTS),
    past,
    forgetPast,
  };
}

/**
 * Makes the record if there is none. Never by `IGNORE`, which would cut a text short without an error. S2: its own claim's
 * record has a fresh lease; any other stays as it is, and nothing is written.
 */
export function insertOf(table: string, { fresh, isOwn }: SqlTexts["apart"], sign = ""): string {
  // Of the table in this place, which has no other name here. The columns that the condition reads come last.
  const own = isOwn.replace(/\br\./g, `${table}.`);
  const ownOr = (column: string, value: string) =>
    `${column} = CASE WHEN ${own} THEN ${value} ELSE ${table}.${column} END`;
  const { now } = DIALECT;
  return `INSERT INTO ${table} ${fresh}
ON DUPLICATE KEY UPDATE version = ${table}.version${sign},
  ${ownOr("ttl_ms", ":ttl")},
  ${ownOr("lease_until", `${now} + :lease`)},
  ${ownOr("purge_at", `${now} + :ttl`)},
  ${ownOr("expires_at", `${now} + :lease + :ttl`)}`;
}

const NAMED = /:([a-z]+)\b/g;

/** A text with values in the places of its `:name`s. */
export function written(text: string, values: Partial<SqlValues>): string {
  return text.replace(NAMED, (_, name: string) => literal(name as ValueName, values[name as ValueName]));
}

const WORD = /^[a-z-]+$/;

/**
 * A value as SQL. A text stands there as its bytes: neither a character set, nor a mode of the session, nor an option of
 * the client changes what they are. Throws `STORE_ERROR` where it has no room in its column, which not every mode refuses.
 */
export function literal(name: ValueName, value: SqlValues[ValueName]): string {
  if (value === undefined) return "NULL";
  if (typeof value !== "string") return String(Number(value));
  if (name === "status") return WORD.test(value) ? `'${value}'` : "''";
  const kept = name === "start" ? value : storableText(value);
  expectRoom(name, kept);
  return `X'${Buffer.from(kept).toString("hex")}'`;
}

function expectRoom(name: ValueName, kept: string): void {
  const most = MOST_BYTES[name] ?? Number.POSITIVE_INFINITY;
  if (kept.length * 3 <= most || utf8Length(kept, most) <= most) return;
  throw new StoreError(
    `${name}: expected at most ${most} bytes, as its column has; got more, so nothing was done`,
  );
}
