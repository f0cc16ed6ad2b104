/** S9: a row may have 2,000,000 bytes, its key and its tokens included. */
export const MAX_OUTCOME_BYTES = 1_990_000;

/** Whether SQLite says that the table is not there. */
export function missesTable(error: unknown): boolean {
  return error instanceof Error && error.message.includes("no such table");
}
