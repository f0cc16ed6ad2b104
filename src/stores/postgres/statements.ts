import { digest } from "../../util/sha256.ts";
import { PAGE, PAGE_OF_RESULTS } from "../sql/list.ts";
import {
  type SqlDialect,
  type SqlStatement,
  type SqlValues,
  statement,
  valuesOf,
} from "../sql/operations.ts";
import { sqlTexts } from "../sql/statements.ts";
import { tableSchema } from "../sql/table.ts";
import type { PostgresQuery } from "./client.ts";

export const DIALECT: SqlDialect = {
  // `extract` would do the same in decimals, which takes longer.
  now: "CAST(date_part('epoch', statement_timestamp()) * 1000 AS bigint)",
  key: "key",
  skipLocked: "FOR UPDATE SKIP LOCKED",
  done: "RETURNING 1 AS done",
  parameters: "numbered",
  least: "least",
  // As one text, which no client's parser of numbers changes. It takes as long as columns do (1.00 of their time).
  numbers: numbers => `concat_ws(',', ${numbers.join(", ")}) AS numbers`,
};

/** What a store asks of its table. */
export type PostgresOperation =
  | "claim"
  | "take"
  | "renew"
  | "hold"
  | "complete"
  | "release"
  | "read"
  | "settle"
  | "reopen"
  | "forget"
  | "forgetSeen"
  | "list"
  | "listResults"
  | "purge";

/** Whether it writes nothing. */
export const isReading = (operation: PostgresOperation): boolean =>
  operation === "read" || operation === "list" || operation === "listResults";

/** The statement of an operation with its values. */
export type PostgresStatements = (operation: PostgresOperation, values: Partial<SqlValues>) => PostgresQuery;

/** The statements that make a table, whose name is quoted, and its index. */
export function schemaOf(table: string): string {
  return `${tableSchema(table, { key: 'text COLLATE "C"', integer: "bigint" }).join(";\n")};\n`;
}

/** The same as one statement. */
export function makingOf(table: string): string {
  return `DO $$ BEGIN\n${schemaOf(table)}END $$`;
}

/** Leaves what the server sent as the text that it is. */
export const TEXTS: NonNullable<PostgresQuery["types"]> = { getTypeParser: () => String };

export const ANSWER = "numbers, run_id, fingerprint, outcome";

// These end a claim, so they notify the waiters.
const NOTIFYING: readonly PostgresOperation[] = [
  "hold",
  "complete",
  "release",
  "settle",
  "reopen",
  "forget",
  "forgetSeen",
];
const withNotification = (text: string) =>
  `WITH done AS (${text}) SELECT pg_notify(:channel, :hint) FROM done`;

/**
 * All statements on a table, whose name is quoted: prepared under their names, if so wanted. What ends a claim notifies
 * if it is given a channel.
 */
export function postgresStatements(
  table: string,
  { prepare, notify }: { prepare: boolean; notify: boolean },
): PostgresStatements {
  const texts = Object.entries(textsOf(table)) as [PostgresOperation, string][];
  const readied = ([operation, text]: (typeof texts)[number]) =>
    [operation, readyFor(operation, text, prepare)] as const;
  const plain = new Map(texts.map(readied));
  const notifying = texts.filter(([operation]) => notify && NOTIFYING.includes(operation));
  const notified = new Map(
    notifying.map(([operation, text]) => readied([operation, withNotification(text)])),
  );
  return (operation, values) => {
    const ready = (values.channel && notified.get(operation)) || plain.get(operation)!;
    const { form, name } = ready;
    const query = { text: form.text, values: valuesOf(form, values), types: TEXTS };
    return name === undefined ? query : { ...query, name };
  };
}

function textsOf(table: string): Record<PostgresOperation, string> {
  const { seen, blocked, insert, take, takeAsked: _, apart: __, list, ...texts } = sqlTexts(table, DIALECT);
  // What `seen` may see is not inserted beside, even where another removes it just then: a claim has one answer (S8).
  const unseen = `NOT EXISTS (SELECT FROM ${table} AS r WHERE r.key = :key)`;
  return {
    ...texts,
    hold: texts.renew,
    list: list(PAGE),
    listResults: list(PAGE_OF_RESULTS),
    // A row of nulls where it has made the record, and none where there is one past its time.
    claim: `WITH fresh AS (${insert(unseen)})
${seen} UNION ALL SELECT NULL, NULL, NULL FROM fresh`,
    // A replay writes nothing, nor does a claim that meets a holder.
    take: `WITH blocked AS MATERIALIZED (${blocked}),
taken AS (${take("NOT EXISTS (SELECT 1 FROM blocked)")})
SELECT ${ANSWER} FROM taken UNION ALL SELECT ${ANSWER} FROM blocked`,
  };
}

interface Ready {
  form: SqlStatement;
  name: string | undefined;
}

function readyFor(operation: string, text: string, prepare: boolean): Ready {
  const form = statement(text, DIALECT);
  return { form, name: prepare ? preparedName(operation, form.text) : undefined };
}

/** A connection keeps one text under a name, and may serve stores with other tables and versions of this package. */
export function preparedName(operation: string, text: string): string {
  return `idempotency_${operation}_${digest(text).slice(0, 22)}`;
}
