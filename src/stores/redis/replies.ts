import type { ClaimResult, StoreRecord } from "../../contract/store.ts";
import {
  type KeptRecord,
  originalText,
  readRecord,
  unreadableRecord,
  unreadableText,
} from "../shared/record.ts";

/** What a script says of a record: its text, and what is left of it in milliseconds. */
export function told(reply: unknown): [record: KeptRecord, left: number] {
  const said = String(reply);
  const at = said.indexOf(" ");
  const [left, text] = [Number(said.slice(0, at)), said.slice(at + 1)];
  if (left < 0) throw unreadableText(text);
  return [readRecord(text), left];
}

/** What the script that claims answers. */
export function claimResult(reply: unknown, token: string): ClaimResult {
  if (reply === 1) return { status: "claimed", attempt: 1, runId: token };
  if (!Array.isArray(reply)) return refusal(...told(reply));
  const [attempt, runId] = reply as [number, string];
  return { status: "claimed", attempt, runId: originalText(String(runId)) };
}

function refusal(record: KeptRecord, left: number): ClaimResult {
  if (record.state === "completed") return completion(record, left);
  const { ttlMs, attempt, fingerprint } = record;
  if (left > ttlMs) return { status: "in-progress", attempt, fingerprint, retryAfterMs: left - ttlMs };
  return { status: "uncertain", attempt, fingerprint, retryAfterMs: left };
}

/** What a claim of a completed key is told. */
export function completion({ attempt, outcome, fingerprint }: KeptRecord, expiresInMs?: number): ClaimResult {
  return { status: "completed", attempt, outcome: outcome ?? "", fingerprint, expiresInMs };
}

/** What the script that reads answers. */
export function storeRecord(reply: unknown): StoreRecord | undefined {
  if (reply === null) return undefined;
  const [{ state, ttlMs, ...rest }, left] = told(reply);
  if (state !== "held") return { status: state, ...rest, leaseInMs: 0, expiresInMs: left };
  const leaseInMs = Math.max(0, left - ttlMs);
  return { status: leaseInMs > 0 ? "in-progress" : "uncertain", ...rest, leaseInMs, expiresInMs: left };
}

/** Throws the error that a script failed with, or what it means. */
export function unreadable(error: unknown): never {
  if (error instanceof Error && error.message.includes("WRONGTYPE"))
    throw unreadableRecord("it is no string");
  throw error;
}
