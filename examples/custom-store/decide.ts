// What each operation does to a record, whatever database keeps it: it is given the record as it stands, and decides
// what to answer and what to write. Nothing here waits, and nothing here knows of NATS.
import type { ClaimRequest, ClaimResult, ListedRecord, ListQuery, Seen, StoreRecord } from "with-idempotency";

/** What is kept of a key, beside the outcome. Its times count from when it was written, by the server's clock. */
export interface Row {
  version: 1;
  key: string;
  status: "held" | "released" | "completed";
  token?: string | undefined; // who holds or completed it
  runId: string;
  attempt: number;
  takeover: boolean;
  fingerprint?: string | undefined;
  ttlMs: number;
  leaseMs: number;
  lifeMs: number;
  claimedAt?: number | undefined; // of the window's first claim; the row of that claim itself has none
}

/** A row as it stands now. */
export interface Found extends Row {
  outcome: string;
  state: StoreRecord["status"];
  leaseInMs: number;
  expiresInMs: number;
  claimedAt: number;
  ageMs: number;
}

/** What an operation answers, and the row that it writes: null removes what is there, undefined leaves it. */
export interface Decision<T> {
  answer: T;
  row?: Row | null;
  outcome?: string;
}

const NO: Decision<boolean> = { answer: false };
const YES: Decision<boolean> = { answer: true };

/** A row that was written at `writtenAt`, as it stands `now`; undefined if it is past its time. */
export function look(row: Row, outcome: string, writtenAt: number, now: number): Found | undefined {
  const expiresInMs = writtenAt + row.lifeMs - now;
  if (expiresInMs <= 0) return undefined; // S3
  const { status, claimedAt = writtenAt } = row;
  const leaseInMs = Math.max(0, status === "held" ? writtenAt + row.leaseMs - now : 0);
  const state = status !== "held" ? status : leaseInMs > 0 ? "in-progress" : "uncertain"; // S4
  return { ...row, outcome, state, leaseInMs, expiresInMs, claimedAt, ageMs: now - claimedAt };
}

/** The claim of a key that is absent. */
export function firstClaim(key: string, request: ClaimRequest) {
  const { token, ttlMs, leaseMs, fingerprint } = request;
  const begun = { runId: token, attempt: 1, takeover: false, fingerprint };
  return taken({ version: 1, key, status: "held", token, ...begun, ttlMs, leaseMs, lifeMs: leaseMs + ttlMs });
}

function taken(row: Row): Decision<ClaimResult> & { row: Row } {
  const { attempt, runId, takeover, fingerprint } = row;
  return { answer: { status: "claimed", attempt, runId, takeover, fingerprint }, row };
}

export function claim(key: string, request: ClaimRequest, found: Found | undefined): Decision<ClaimResult> {
  const first = firstClaim(key, request);
  if (!found) return first; // S1, S3
  const { state, attempt, outcome, runId, claimedAt, expiresInMs, leaseInMs, ageMs } = found;
  const differs = (request.fingerprint ?? found.fingerprint) !== (found.fingerprint ?? request.fingerprint);
  const fingerprint = request.fingerprint ?? found.fingerprint;
  const again = (attempt: number, takeover = false) =>
    taken({ ...first.row, runId, attempt, takeover, claimedAt, fingerprint });
  if (state === "released") return differs ? first : again(attempt + 1); // S6
  const known = { attempt, fingerprint: found.fingerprint };
  if (state === "completed") return { answer: { status: state, ...known, outcome, expiresInMs } };
  if (found.token === request.token) return again(attempt, found.takeover); // S2
  const isWanted = request.rerun || ageMs < (request.rerunWithinMs ?? 0);
  if (state === "uncertain" && isWanted && !differs) return again(attempt + 1, true); // S4
  const retryAfterMs = state === "uncertain" ? expiresInMs : leaseInMs;
  return { answer: { status: state, ...known, retryAfterMs } };
}

export function renew(found: Found | undefined, token: string, leaseMs: number): Decision<boolean> {
  if (!isHeldBy(found, token)) return NO;
  return { ...YES, row: changed(found, { leaseMs, lifeMs: leaseMs + found.ttlMs }) };
}

export function complete(found: Found | undefined, token: string, outcome: string, ttlMs: number) {
  if (found?.status === "completed" && found.token === token) return YES; // S5: sent again
  return isHeldBy(found, token) ? completed(found, outcome, ttlMs, token) : NO;
}

export function release(found: Found | undefined, token: string): Decision<boolean> {
  return isHeldBy(found, token) ? released(found) : NO;
}

export function settle(found: Found | undefined, outcome: string, ttlMs: number, seen?: Seen) {
  if (!found || !isSeen(found, seen)) return NO;
  const isSettled = found.status === "completed" && found.token === undefined;
  if (isSettled) return found.outcome === outcome ? YES : NO; // S11: sent again
  return found.state === "uncertain" ? completed(found, outcome, ttlMs) : NO;
}

export function reopen(found: Found | undefined, seen?: Seen): Decision<boolean> {
  if (!found || !isSeen(found, seen)) return NO;
  if (found.status === "released") return seen ? YES : NO; // S11: sent again
  return found.state === "uncertain" ? released(found) : NO;
}

export function forget(found: Found | undefined, seen?: Seen): Decision<boolean> {
  if (!found) return seen ? YES : NO; // S11: gone already
  return isSeen(found, seen) ? { ...YES, row: null } : NO;
}

export function show(found: Found): StoreRecord {
  const { state, attempt, runId, fingerprint, leaseInMs, expiresInMs, claimedAt } = found;
  const outcome = state === "completed" ? found.outcome : undefined;
  return { status: state, attempt, runId, fingerprint, outcome, leaseInMs, expiresInMs, claimedAt };
}

/** The record as a listing has it, if it asks for such a one. */
export function listed(
  found: Found,
  { prefix, status, olderThanMs = 0 }: ListQuery,
): ListedRecord | undefined {
  const { key, state, ttlMs, expiresInMs } = found;
  const ageMs = state === "uncertain" ? ttlMs - expiresInMs : found.ageMs;
  const isWanted = state === status && key.startsWith(prefix) && ageMs >= olderThanMs;
  return isWanted ? { key, ...show(found) } : undefined;
}

// S5: whatever became of the lease.
const isHeldBy = (found: Found | undefined, token: string): found is Found =>
  found?.status === "held" && found.token === token;

// S11
const isSeen = ({ runId, attempt }: Found, seen?: Seen) =>
  seen === undefined || (runId === seen.runId && attempt === seen.attempt);

// S7
const completed = (found: Found, outcome: string, ttlMs: number, token?: string): Decision<boolean> => ({
  ...YES,
  row: changed(found, { status: "completed", token, lifeMs: ttlMs }),
  outcome,
});

// S6
const released = (found: Found): Decision<boolean> => ({
  ...YES,
  row: changed(found, { status: "released", token: undefined, lifeMs: found.ttlMs }),
});

function changed(found: Found, changes: Partial<Row>): Row {
  const { outcome, state, leaseInMs, expiresInMs, ageMs, ...row } = found;
  return { ...row, ...changes };
}
