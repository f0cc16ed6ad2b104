import type { ClaimResult, StoreRecord } from "../store.ts";
import { originalText, RECORD_VERSION, unreadableRecord } from "./record.ts";

/** A row of the statements that answer with a record; its numbers may be of any type that holds them. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** What a claim is told by the row of `take` or `blocked`. Throws `RESULT_UNAVAILABLE` where it cannot be read. */
export function claimResult(row: SqlRow): ClaimResult {
  const { status, attempt, runId, fingerprint, outcome, leaseInMs, expiresInMs } = record(row);
  switch (status) {
    case "claimed":
      return { status, attempt, runId };
    case "in-progress":
      return { status, attempt, fingerprint, retryAfterMs: leaseInMs };
    case "uncertain":
      return { status, attempt, fingerprint, retryAfterMs: expiresInMs };
    case "completed":
      if (outcome !== undefined) return { status, attempt, outcome, fingerprint, expiresInMs };
  }
  throw unreadableRecord(`a claim met a key that is ${status}`);
}

/** What `read` makes of its row. Throws `RESULT_UNAVAILABLE` where it cannot be read. */
export function storeRecord(row: SqlRow): StoreRecord {
  const { status, ...rest } = record(row);
  if (status === "claimed") throw unreadableRecord("it says that it is claimed");
  return { status, ...rest };
}

const isCount = (value: unknown) => Number.isSafeInteger(Number(value)) && Number(value) >= 1;
const isText = (value: unknown) => typeof value === "string";
const isTextOrNull = (value: unknown) => value === null || isText(value);

function record(row: SqlRow): Omit<StoreRecord, "status"> & { status: StoreRecord["status"] | "claimed" } {
  const { status, version, attempt, run_id, fingerprint, outcome, lease_in, expires_in } = row;
  if (Number(version) !== RECORD_VERSION) {
    throw unreadableRecord(`its version is ${version}, and this package knows version ${RECORD_VERSION}`);
  }
  if (!isCount(attempt)) throw unreadableRecord("its attempt is no number from 1");
  if (!isText(run_id)) throw unreadableRecord("its run_id is no text");
  if (!isTextOrNull(fingerprint)) throw unreadableRecord("its fingerprint is no text");
  if (!isTextOrNull(outcome)) throw unreadableRecord("its outcome is no text");
  return {
    status: status as StoreRecord["status"] | "claimed",
    attempt: Number(attempt),
    runId: originalText(run_id as string),
    fingerprint: original(fingerprint),
    outcome: original(outcome),
    leaseInMs: status === "in-progress" ? Number(lease_in) : 0,
    expiresInMs: Number(expires_in),
  };
}

function original(kept: unknown): string | undefined {
  return typeof kept === "string" ? originalText(kept) : undefined;
}
