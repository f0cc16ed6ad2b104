import type { SqlStatement, SqlValues } from "../sql/operations.ts";
import type { SqlRow } from "../sql/record.ts";

/** Statements on a database that answers at once. Each is a transaction of its own, unless it is told otherwise. */
export interface Connection {
  /** The row of a record that a statement finds. It writes nothing. */
  find(form: SqlStatement, values: Partial<SqlValues>): SqlRow | undefined;
  /** All rows that a statement finds, in the order of their columns. It writes nothing. */
  findAll(form: SqlStatement, values: Partial<SqlValues>): (readonly unknown[])[];
  /** How many rows a statement changes. */
  change(form: SqlStatement, values: Partial<SqlValues>): number;
  /** The row that a statement writes. */
  write(form: SqlStatement, values: Partial<SqlValues>): SqlRow | undefined;
  /** Does it as one transaction: all of it, or nothing if it throws. */
  together<T>(act: () => T): T;
}

/** The row of a record: its numbers first, and then its texts, in the order of the columns. */
export function recordRow(row: unknown): SqlRow | undefined {
  if (row === undefined || row === null) return undefined;
  return rowOf(columnsOf(row));
}

/** The columns of a row, in their order. */
export function columnsOf(row: unknown): readonly unknown[] {
  return Array.isArray(row) ? row : Object.values(row as object);
}

/** The row of a record from its columns. */
export function rowOf(columns: readonly unknown[]): SqlRow {
  const [run_id, fingerprint, outcome] = columns.slice(-3);
  return { numbers: columns.slice(0, -3), run_id, fingerprint, outcome };
}
