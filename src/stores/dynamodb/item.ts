import type { Seen, StoreRecord } from "../../contract/store.ts";
import { originalText, RECORD_VERSION, unreadableRecord } from "../shared/record.ts";
import { type Attribute, type Item, number, text } from "./attribute.ts";
import { outcomeAttribute, readOutcome } from "./outcome.ts";

/** A record as its item says it. Times are in milliseconds since 1970, by the clock of the process that wrote them. */
export interface KeptRecord {
  readonly state: "held" | "released" | "completed";
  /** Names the claim that holds or completed it; absent where it is released, or was settled from outside. */
  readonly token: string | undefined;
  /** The token that released it. */
  readonly releasedBy?: string | undefined;
  readonly runId: string;
  readonly attempt: number;
  readonly fingerprint: string | undefined;
  readonly outcome: string | undefined;
  /** Held by a claim that took an uncertain key over (S2, S4). */
  readonly takeover: boolean;
  readonly ttlMs: number;
  readonly claimedAt: number;
  /** 0 where its holder has ended it, which no clock has to tell. */
  readonly leaseUntil: number;
  /** When its holder asked for the lease, by the holder's clock. Records of older versions do not say. */
  readonly leasedAt?: number | undefined;
  readonly expiresAt: number;
}

const SPARE_S = 3_600;
const seconds = (ms: number) => Math.ceil(ms / 1_000);

/**
 * How many seconds after a lease, or after the beginning of a ttl, DynamoDB may remove the item: when its own clock is past
 * the record's end by an hour, so that it never removes what anybody counts on.
 */
export function keptSeconds(ttlMs: number, skewMs: number): number {
  return seconds(ttlMs + 2 * skewMs) + SPARE_S;
}

/** From when on DynamoDB may remove the item, in the seconds since 1970 that its time to live wants (S10). */
export function purgeAt(sinceMs: number, keptS: number): Attribute {
  return number(seconds(sinceMs) + keptS);
}

/** The item of a record. */
export function itemOf(key: string, record: KeptRecord, skewMs: number): Item {
  const { token, fingerprint, outcome, leaseUntil, leasedAt, ttlMs } = record;
  const keptS = keptSeconds(ttlMs, skewMs);
  return {
    key: text(key),
    version: number(RECORD_VERSION),
    state: text(record.state),
    attempt: number(record.attempt),
    run_id: text(record.runId),
    ...(token !== undefined && { token: text(token) }),
    ...(fingerprint !== undefined && { fingerprint: text(fingerprint) }),
    ...(outcome !== undefined && { outcome: outcomeAttribute(outcome) }),
    takeover: { BOOL: record.takeover },
    ttl_ms: number(ttlMs),
    kept_s: number(keptS),
    claimed_at: number(record.claimedAt),
    lease_until: number(leaseUntil),
    ...(leasedAt !== undefined && { leased_at: number(leasedAt) }),
    expires_at: number(record.expiresAt),
    purge_at: purgeAt(record.expiresAt - ttlMs, keptS),
  };
}

const STATES: readonly unknown[] = ["held", "released", "completed"];

/** Reads an item. Throws `RESULT_UNAVAILABLE` where it is no record of this version. */
export function readItem(item: Item): KeptRecord {
  const version = numberIn(item, "version");
  if (version !== RECORD_VERSION) {
    throw unreadableRecord(`its version is ${version}, and this package knows version ${RECORD_VERSION}`);
  }
  const state = textIn(item, "state") as KeptRecord["state"];
  if (!STATES.includes(state)) throw unreadableRecord("its state is none that this package knows");
  return {
    state,
    token: item["token"] && textIn(item, "token"),
    releasedBy: item["released_by"] && textIn(item, "released_by"),
    runId: textIn(item, "run_id"),
    attempt: numberIn(item, "attempt"),
    fingerprint: item["fingerprint"] && textIn(item, "fingerprint"),
    outcome: state === "completed" ? readOutcome(item["outcome"]) : undefined,
    takeover: item["takeover"]?.BOOL === true,
    ttlMs: numberIn(item, "ttl_ms"),
    claimedAt: numberIn(item, "claimed_at"),
    leaseUntil: numberIn(item, "lease_until"),
    leasedAt: item["leased_at"] && numberIn(item, "leased_at"),
    expiresAt: numberIn(item, "expires_at"),
  };
}

function textIn(item: Item, name: string): string {
  const value = item[name]?.S;
  if (typeof value !== "string") throw unreadableRecord(`its ${name} is no text`);
  return originalText(value);
}

function numberIn(item: Item, name: string): number {
  const value = Number(item[name]?.N);
  if (!Number.isSafeInteger(value)) throw unreadableRecord(`its ${name} is no whole number`);
  return value;
}

/** The key of an item. */
export function keyOf(item: Item): string {
  return textIn(item, "key");
}

/**
 * S3: whether a record's time is over for a clock that shows `past` and the skew, whatever its version. An item without
 * one is another program's, whose `expires_at` may count seconds.
 */
export function isExpired(item: Item, past: number): boolean {
  return item["version"] !== undefined && Number(item["expires_at"]?.N) <= past;
}

/** A time by this process's clock, and the time up to which it counts what others wrote as over. */
export interface Now {
  readonly time: number;
  /** S9: the time less the skew. */
  readonly past: number;
}

/** S4: a lapsed lease reads as uncertain. */
export function statusOf({ state, leaseUntil }: KeptRecord, { past }: Now): StoreRecord["status"] {
  if (state !== "held") return state;
  return leaseUntil > past ? "in-progress" : "uncertain";
}

/** What remains until a time, or, once that is past, until it counts as past (S9). */
export function leftUntil(end: number, { time, past }: Now): number {
  return end > time ? end - time : Math.max(0, end - past);
}

/** A record as `read` shows it. */
export function shown(record: KeptRecord, now: Now): StoreRecord {
  const { attempt, runId, fingerprint, outcome, leaseUntil, expiresAt, claimedAt } = record;
  const status = statusOf(record, now);
  return {
    status,
    attempt,
    runId,
    fingerprint,
    outcome,
    leaseInMs: status === "in-progress" ? leftUntil(leaseUntil, now) : 0,
    expiresInMs: leftUntil(expiresAt, now),
    claimedAt,
  };
}

/** Since when it is uncertain, or else its window goes on, in milliseconds. */
export function ageOf(record: KeptRecord, now: Now): number {
  const { expiresAt, ttlMs, claimedAt } = record;
  // A held record expires its ttl after its lease, whoever ended that.
  return now.time - (statusOf(record, now) === "uncertain" ? expiresAt - ttlMs : claimedAt);
}

/** S11: whether the claim is the one that somebody saw; without a look, any is. */
export function isSeen({ runId, attempt }: KeptRecord, seen: Seen | undefined): boolean {
  return seen === undefined || (seen.runId === runId && seen.attempt === attempt);
}
