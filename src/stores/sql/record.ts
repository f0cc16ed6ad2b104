import type { ClaimRequest, ClaimResult, StoreRecord } from "../../contract/store.ts";
import { originalText, RECORD_VERSION, unreadableRecord } from "../shared/record.ts";

/** A row of the statements that answer with a record, as a database may have it, and of others. */
export interface SqlRow {
  readonly numbers?: unknown;
  readonly run_id?: unknown;
  readonly fingerprint?: unknown;
  readonly outcome?: unknown;
}

/**
 * The last of a row's numbers: who holds the key. The caller holds it where its claim has just been made: as the
 * successor of a run of which nobody knows how it ended (S4), or not.
 */
export const HOLDER = { nobody: 0, somebody: 1, caller: 2, successor: 3 } as const;

/** The claim of a key that had no record: the first of its window. */
export function firstClaim({ token, fingerprint }: ClaimRequest): ClaimResult {
  return { status: "claimed", attempt: 1, runId: token, takeover: false, fingerprint };
}

/** The answer to a claim, from the row of `take` or `blocked`. Throws `RESULT_UNAVAILABLE` if it cannot be read. */
export function claimResult(row: SqlRow): ClaimResult {
  return answer(record(row));
}

/** The answer to a claim, from the row of `seen`; none if it might take the key. Throws as `claimResult` does. */
export function seenResult(row: SqlRow): ClaimResult | undefined {
  const [version, attempt, leftMs, holder] = numbersOf(row.numbers);
  const { fingerprint, outcome } = readable(version, attempt, row);
  const known = { attempt: attempt!, fingerprint: original(fingerprint) };
  const status = statusOf(outcome, holder!, leftMs!);
  if (status === "in-progress") return { status, ...known, retryAfterMs: leftMs! };
  if (status !== "completed") return undefined;
  return { status, ...known, outcome: originalText(outcome as string), expiresInMs: leftMs! };
}

function answer(row: Row): ClaimResult {
  const { status, attempt, runId, takeover, fingerprint, outcome, leaseInMs, expiresInMs } = row;
  switch (status) {
    case "claimed":
      return { status, attempt, runId, takeover, fingerprint };
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
  const { status, takeover: _, ...rest } = record(row);
  if (status === "claimed") throw unreadableRecord("it says that it is claimed");
  return { status, ...rest };
}

type Status = StoreRecord["status"] | "claimed";
type Row = Omit<StoreRecord, "status"> & { status: Status; takeover: boolean };

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 1;
const isText = (value: unknown) => typeof value === "string";
const isTextOrNull = (value: unknown) => value === null || isText(value);

function record(row: SqlRow): Row {
  const { numbers, run_id } = row;
  const [version, attempt, leaseUntil, expiresAt, claimedAt, now, holder] = numbersOf(numbers);
  const { fingerprint, outcome } = readable(version, attempt, row);
  if (!isText(run_id)) throw unreadableRecord("its run_id is no text");
  const leaseInMs = leaseUntil! - now!;
  const status = statusOf(outcome, holder!, leaseInMs);
  return {
    status,
    takeover: holder === HOLDER.successor,
    attempt: attempt!,
    runId: originalText(run_id as string),
    fingerprint: original(fingerprint),
    outcome: original(outcome),
    leaseInMs: status === "in-progress" ? leaseInMs : 0,
    expiresInMs: expiresAt! - now!,
    claimedAt: claimedAt!,
  };
}

/** What every row of a record has in the same way. */
function readable(version: unknown, attempt: unknown, { fingerprint, outcome }: SqlRow) {
  if (version !== RECORD_VERSION) {
    throw unreadableRecord(`its version is ${version}, and this package knows version ${RECORD_VERSION}`);
  }
  if (!isCount(attempt)) throw unreadableRecord("its attempt is no number from 1");
  if (!isTextOrNull(fingerprint)) throw unreadableRecord("its fingerprint is no text");
  if (!isTextOrNull(outcome)) throw unreadableRecord("its outcome is no text");
  return { fingerprint, outcome };
}

function statusOf(outcome: unknown, holder: number, leaseInMs: number): Status {
  if (holder === HOLDER.caller || holder === HOLDER.successor) return "claimed";
  if (outcome !== null) return "completed";
  if (holder === HOLDER.nobody) return "released";
  return leaseInMs > 0 ? "in-progress" : "uncertain";
}

/** A row's numbers, which may be of any type that holds them, or one text of them all: `1,2`. */
function numbersOf(value: unknown): number[] {
  if (typeof value === "string") return value.split(",").map(Number);
  return Array.isArray(value) ? value.map(Number) : [];
}

function original(kept: unknown): string | undefined {
  return typeof kept === "string" ? originalText(kept) : undefined;
}
