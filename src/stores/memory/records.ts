import type { Seen, StoreRecord } from "../../contract/store.ts";
import { toJson } from "../../util/json.ts";
import { drawToken } from "../../util/token.ts";

/** Names a claim: a text, or a number that this store has drawn, which takes no memory of its own. */
export type Token = string | number;

/** A key that somebody holds, or whose outcome is unknown. */
export interface Claim {
  token: Token;
  readonly runId: Token;
  readonly attempt: number;
  readonly fingerprint: string | undefined;
  /** Whether it took an uncertain key over (S4): its own token learns so again (S2). */
  readonly takeover: boolean;
  readonly ttlMs: number;
  leaseUntil: number;
  /** When the window's first claim was made. */
  readonly claimedAt: number;
  /** What stands for a `runId` that is a number, once somebody has asked. */
  runText: string | undefined;
}

/** A completed key, or, without an outcome, a released one. */
export interface Settled {
  readonly runId: Token;
  /** The text, or, once the engine has replayed it, what it says in JSON: see `keptValue`. */
  outcome: string | object | undefined;
  readonly expiresAt: number;
  /** When the window's first claim was made. */
  readonly claimedAt: number;
  /** Absent where the key was completed by its first claim, whose token is the `runId`: most are, and take less. */
  history?: History;
}

interface History {
  readonly attempt: number;
  readonly fingerprint: string | undefined;
  /** Who completed it; nobody where it was released, or settled from outside. */
  readonly token: Token | undefined;
  runText: string | undefined;
}

const FIRST_CLAIM: History = { attempt: 1, fingerprint: undefined, token: undefined, runText: undefined };

export const historyOf = (record: Settled): Readonly<History> => record.history ?? FIRST_CLAIM;

/** What becomes of a claim that ends: completed by `token`, or by nobody. */
export function settledRecord(
  { runId, attempt, fingerprint, runText, claimedAt }: Claim,
  token: Token | undefined,
  outcome: string | undefined,
  expiresAt: number,
): Settled {
  const isFirst = attempt === 1 && fingerprint === undefined && token === runId && runText === undefined;
  return isFirst
    ? { runId, outcome, expiresAt, claimedAt }
    : { runId, outcome, expiresAt, claimedAt, history: { attempt, fingerprint, token, runText } };
}

/** S5: whether that claim completed it. */
export function isCompletedBy({ runId, outcome, history }: Settled, token: Token): boolean {
  return outcome !== undefined && (history === undefined ? runId : history.token) === token;
}

/** The outcome's text, to the letter (S9). */
export function outcomeText({ outcome }: Settled): string | undefined {
  return typeof outcome === "object" ? toJson(outcome) : outcome;
}

/** The text of a run's first token. That of a number is drawn when it is first asked for, and kept with the key. */
export function runTextOf(record: Claim | Settled): string {
  if (typeof record.runId === "string") return record.runId;
  if ("token" in record) {
    record.runText ??= drawToken();
    return record.runText;
  }
  record.history ??= { ...FIRST_CLAIM, token: record.runId };
  record.history.runText ??= drawToken();
  return record.history.runText;
}

/** S11: whether the claim is the one that somebody saw; without a look, any is. */
export function isSeen(record: Claim | Settled, seen: Seen | undefined): boolean {
  if (seen === undefined) return true;
  const { attempt } = "token" in record ? record : historyOf(record);
  return attempt === seen.attempt && runTextOf(record) === seen.runId;
}

/** S11: whether the claim that somebody saw, if they say which, was settled from outside, with that outcome. */
export function isSettledSo(record: Settled, seen: Seen | undefined, outcome: string): boolean {
  const byNobody = record.history !== undefined && record.history.token === undefined;
  return byNobody && outcomeText(record) === outcome && isSeen(record, seen);
}

/** For how long it has been uncertain, or else its window goes on. */
export function ageOf(record: Claim | Settled, now: number): number {
  return now - ("token" in record && record.leaseUntil <= now ? record.leaseUntil : record.claimedAt);
}

/** A key as `read` shows it. Times are counted from `start`. */
export function show(record: Claim | Settled, now: number, start: number): StoreRecord {
  const isHeld = "token" in record;
  const leaseInMs = isHeld ? Math.max(0, record.leaseUntil - now) : 0;
  const outcome = isHeld ? undefined : outcomeText(record);
  const { attempt, fingerprint } = isHeld ? record : historyOf(record);
  // S4: a lapsed lease reads as uncertain.
  const held = leaseInMs > 0 ? "in-progress" : "uncertain";
  const settled = outcome === undefined ? "released" : "completed";
  return {
    status: isHeld ? held : settled,
    attempt,
    runId: runTextOf(record),
    fingerprint,
    outcome,
    leaseInMs,
    expiresInMs: (isHeld ? record.leaseUntil + record.ttlMs : record.expiresAt) - now,
    claimedAt: start + record.claimedAt,
  };
}
