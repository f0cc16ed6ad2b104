import type { Seen, StoreRecord } from "../../contract/store.ts";

/** A key that somebody holds, or whose outcome is unknown. */
export interface Claim {
  token: string;
  runId: string;
  attempt: number;
  fingerprint: string | undefined;
  /** Whether it took an uncertain key over (S4): its own token is told so again (S2). */
  takeover: boolean;
  ttlMs: number;
  leaseUntil: number;
}

/** A completed key, or, without an outcome, a released one. */
export interface Settled {
  readonly runId: string;
  readonly outcome: string | undefined;
  readonly expiresAt: number;
  readonly history: History;
}

interface History {
  readonly attempt: number;
  readonly fingerprint: string | undefined;
  /** Who completed it; nobody where it was released, or settled from outside. */
  readonly token: string | undefined;
}

// Most keys are completed by their first claim, whose token is the `runId`, and share this: their records are smaller.
const FIRST_CLAIM: History = { attempt: 1, fingerprint: undefined, token: undefined };

/** What becomes of a claim that ends: completed by `token`, or by nobody. */
export function settledRecord(
  { runId, attempt, fingerprint }: Claim,
  token: string | undefined,
  outcome: string | undefined,
  expiresAt: number,
): Settled {
  const isFirst = attempt === 1 && fingerprint === undefined && token === runId;
  return { runId, outcome, expiresAt, history: isFirst ? FIRST_CLAIM : { attempt, fingerprint, token } };
}

/** Whether that claim completed it. */
export function isCompletedBy({ runId, history }: Settled, token: string): boolean {
  return (history === FIRST_CLAIM ? runId : history.token) === token;
}

/** S11: whether a claim is the one that somebody saw; without a look, any is. */
export function isSeen(runId: string, attempt: number, seen: Seen | undefined): boolean {
  return seen === undefined || (seen.runId === runId && seen.attempt === attempt);
}

/** S11: whether that claim was settled from outside, with that outcome. */
export function isSettledSo({ runId, outcome, history }: Settled, seen: Seen, text: string): boolean {
  const { attempt, token } = history;
  const byNobody = history !== FIRST_CLAIM && token === undefined;
  return byNobody && outcome === text && isSeen(runId, attempt, seen);
}

/** A settled key as `read` shows it. */
export function showSettled({ runId, outcome, expiresAt, history }: Settled, now: number): StoreRecord {
  const { attempt, fingerprint } = history;
  const status = outcome === undefined ? "released" : "completed";
  return { status, attempt, runId, fingerprint, outcome, leaseInMs: 0, expiresInMs: expiresAt - now };
}

/** A held key as `read` shows it. */
export function showClaim(
  { attempt, runId, fingerprint, ttlMs, leaseUntil }: Claim,
  now: number,
): StoreRecord {
  const status = now < leaseUntil ? "in-progress" : "uncertain";
  const leaseInMs = Math.max(0, leaseUntil - now);
  return { status, attempt, runId, fingerprint, leaseInMs, expiresInMs: leaseUntil + ttlMs - now };
}
