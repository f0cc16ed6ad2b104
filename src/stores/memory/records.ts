import type { Seen, StoreRecord } from "../../contract/store.ts";
import { toJson } from "../../util/json.ts";

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
  readonly history?: History;
}

interface History {
  readonly attempt: number;
  readonly fingerprint: string | undefined;
  /** Who completed it; nobody where it was released, or settled from outside. */
  readonly token: Token | undefined;
}

const FIRST_CLAIM: History = { attempt: 1, fingerprint: undefined, token: undefined };

export const historyOf = (record: Settled): Readonly<History> => record.history ?? FIRST_CLAIM;

/** Whether two fingerprints are of different payloads. */
export function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

// V8 makes a text of pieces, which take twice the memory: to look at a character joins them.
const flat = (text: string): string => (text.charCodeAt(0) > 0 ? text : text.slice());

/** What becomes of a claim that ends: completed by `token`, or by nobody. */
export function settledRecord(
  { runId, attempt, fingerprint, claimedAt }: Claim,
  token: Token | undefined,
  text: string | undefined,
  expiresAt: number,
): Settled {
  const outcome = text && flat(text);
  const isFirst = attempt === 1 && fingerprint === undefined && token === runId;
  return isFirst
    ? { runId, outcome, expiresAt, claimedAt }
    : { runId, outcome, expiresAt, claimedAt, history: { attempt, fingerprint, token } };
}

/** S5: whether that claim completed it. */
export function isCompletedBy({ runId, history }: Settled, token: Token): boolean {
  return (history === undefined ? runId : history.token) === token;
}

/** The outcome's text, to the letter (S9). */
export function outcomeText({ outcome }: Settled): string | undefined {
  return typeof outcome === "object" ? toJson(outcome) : outcome;
}

/**
 * The text of a run's first token. That of a number has the name of its store in it, which no other has, and the time of
 * its claim: a clone of the process has that name too, and counts on by itself.
 */
export function runTextOf({ runId, claimedAt }: Claim | Settled, storeName: string): string {
  return typeof runId === "string" ? runId : `${storeName}-${runId}-${claimedAt}`;
}

/** S11: whether the claim is the one that somebody saw; without a look, any is. */
export function isSeen(record: Claim | Settled, seen: Seen | undefined, storeName: string): boolean {
  if (seen === undefined) return true;
  const { attempt } = "token" in record ? record : historyOf(record);
  return attempt === seen.attempt && runTextOf(record, storeName) === seen.runId;
}

/** S11: whether the claim was settled from outside, with that outcome. */
export function isSettledSo(record: Settled, outcome: string): boolean {
  const byNobody = record.history !== undefined && record.history.token === undefined;
  return byNobody && outcomeText(record) === outcome;
}

/** For how long it has been uncertain, or else its window goes on. */
export function ageOf(record: Claim | Settled, now: number): number {
  return now - ("token" in record && record.leaseUntil <= now ? record.leaseUntil : record.claimedAt);
}

/** A key as `read` shows it. Times are counted from `start`. */
export function show(record: Claim | Settled, storeName: string, now: number, start: number): StoreRecord {
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
    runId: runTextOf(record, storeName),
    fingerprint,
    outcome,
    leaseInMs,
    expiresInMs: (isHeld ? record.leaseUntil + record.ttlMs : record.expiresAt) - now,
    claimedAt: start + record.claimedAt,
  };
}
