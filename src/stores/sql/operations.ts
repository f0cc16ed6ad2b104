import type { ClaimRequest, Seen } from "../../contract/store.ts";
import { storableText } from "../shared/record.ts";

/** In what the databases differ. */
export interface SqlDialect {
  /** The time in whole milliseconds since 1970 by the database's clock, the same throughout a statement. */
  readonly now: string;
  /** The key's column where it stands without its table: MySQL takes the bare word for another. */
  readonly key: "key" | "`key`";
  /** The number 1, as the attempt of a new record: MySQL's client learns by it that the record is new. */
  readonly first?: string;
  /** What statements read, change and remove: the table as `r`, after what it is joined with. */
  readonly records?: (table: string) => string;
  /** Begins the removal of `records`. */
  readonly remove?: "DELETE r FROM";
  /** Whether a maximum over all rows takes time by the square of their number. */
  readonly hasSlowWindows?: boolean;
  /** Has a `SELECT` of rows that are to be deleted look at no others. */
  readonly byPurge?: string;
  /** Added to a `SELECT` of rows that are to be deleted. */
  readonly skipLocked: string;
  /** Ends what answers whether it did it: by a row for each row that it changed, or by the client's own count. */
  readonly done: "RETURNING 1 AS done" | "RETURNING r.key" | "";
  /** The source of the values in a statement for several keys. */
  readonly from?: string;
  /** `"numbered"` gives each parameter one place and its type, `"anonymous"` a `?` wherever it stands. */
  readonly parameters: "numbered" | "anonymous";
  /** The function that gives the least of two numbers. */
  readonly least: string;
  /** The columns of whole numbers, of which a row's `numbers` are made. */
  readonly numbers: (numbers: readonly string[]) => string;
}

/** What the statements' `:name`s stand for. */
export interface SqlValues {
  key: string;
  token: string;
  outcome: string;
  fingerprint: string | undefined;
  /** Milliseconds. */
  ttl: number;
  /** Milliseconds. */
  lease: number;
  /** Whether to take over an uncertain key. */
  rerun: boolean;
  /** Or else within how many milliseconds of its window's first claim; 0 for never. */
  within: number;
  /** The claim that an operator saw. */
  run: string | undefined;
  attempt: number | undefined;
  /** The most rows that a purge removes. */
  limit: number;
  /** The first key that a page of a listing looks at, in the form of the table. */
  start: string;
  /** The status of the records that are listed. */
  status: string;
  /** How long they have it at least, in milliseconds. */
  older: number | undefined;
  /** The channel of `pg_notify`; `hint` is its payload. */
  channel: string;
  hint: string;
}

export type ValueName = keyof SqlValues;

export const TYPES: Record<ValueName, string> = {
  key: "text",
  token: "text",
  outcome: "text",
  fingerprint: "text",
  ttl: "bigint",
  lease: "bigint",
  rerun: "int",
  within: "bigint",
  run: "text",
  attempt: "bigint",
  limit: "bigint",
  start: "text",
  status: "text",
  older: "bigint",
  channel: "text",
  hint: "text",
};

/** A statement as a client takes it. */
export interface SqlStatement {
  readonly text: string;
  /** The values that it takes, in their places. */
  readonly names: readonly ValueName[];
}

const NAMED = /:([a-z]+)\b/g;

/** Puts the dialect's parameters in the places of the `:name`s. */
export function statement(text: string, { parameters }: SqlDialect): SqlStatement {
  const names: ValueName[] = [];
  const numbered = parameters === "numbered";
  const place = (_: string, word: string) => {
    const name = word as ValueName;
    if (!numbered || !names.includes(name)) names.push(name);
    return numbered ? `CAST($${names.indexOf(name) + 1} AS ${TYPES[name]})` : "?";
  };
  return { text: text.replace(NAMED, place), names };
}

/** The values of a statement in their places. */
export function valuesOf({ names }: SqlStatement, values: Partial<SqlValues>): (string | number | null)[] {
  return names.map(name => {
    const value = values[name];
    if (typeof value === "string") return name === "start" ? value : storableText(value);
    return value === undefined ? null : Number(value);
  });
}

/** The values of a claim. */
export function claimValues(key: string, request: ClaimRequest): Partial<SqlValues> {
  const { token, ttlMs, leaseMs, fingerprint, rerun = false, rerunWithinMs: within = 0 } = request;
  return { key, token, ttl: ttlMs, lease: leaseMs, fingerprint, rerun, within };
}

/** The values that name the claim that an operator saw, if it saw one (S11). */
export function seenValues(seen: Seen | undefined): Partial<SqlValues> {
  return { run: seen?.runId, attempt: seen?.attempt };
}
