import type { ClaimResult, StoreRecord } from "../../contract/store.ts";
import {
  isCompleted,
  type KeptRecord,
  readRecord,
  unreadableRecord,
  unreadableText,
} from "../shared/record.ts";
import { messageOf } from "./client.ts";

/** Throws where the server has only queued the command: the application has begun a transaction on the client. */
export function refuseQueued(reply: unknown): void {
  if (String(reply) !== "QUEUED") return;
  throw new Error(
    "The client is in a transaction (MULTI), which keeps the commands until EXEC: give the store a client of its own",
  );
}

/** A script's answer with a record: the word before it, and its text. */
function parseReply(reply: unknown): [word: string, text: string] {
  refuseQueued(reply);
  const said = String(reply);
  const at = said.indexOf(" ");
  return [said.slice(0, at), said.slice(at + 1)];
}

/** The record, if what is left of it, in milliseconds, says that it is one that expires. */
function readReply([left, text]: [word: string, text: string]): [record: KeptRecord, leftMs: number] {
  if (Number(left) < 0) throw unreadableText(text);
  return [readRecord(text), Number(left)];
}

/** What a script answers that says yes or no, or else gives the text that it cannot read. */
export function yesOrNo(reply: unknown): boolean {
  // A client may make a text of a number.
  const said = String(reply);
  if (said !== "1" && said !== "0") readReply(parseReply(said));
  return said === "1";
}

/** What the script that claims answers. */
export function claimResult(reply: unknown): ClaimResult {
  const [word, text] = parseReply(reply);
  // A result whose expiry was taken away is replayed for as long as it is there.
  if (word === "-1" && isCompleted(text)) return completion(readRecord(text));
  if (word !== "taken") return refusal(...readReply([word, text]));
  const { attempt, runId, takeover, fingerprint } = readRecord(text);
  return { status: "claimed", attempt, runId, takeover, fingerprint };
}

function refusal(record: KeptRecord, left: number): ClaimResult {
  if (record.state === "completed") return completion(record, left);
  const { ttlMs, attempt, fingerprint } = record;
  if (left > ttlMs) return { status: "in-progress", attempt, fingerprint, retryAfterMs: left - ttlMs };
  return { status: "uncertain", attempt, fingerprint, retryAfterMs: left };
}

/** What a claim of a completed key is answered with. */
export function completion({ attempt, outcome, fingerprint }: KeptRecord, expiresInMs?: number): ClaimResult {
  return { status: "completed", attempt, outcome: outcome ?? "", fingerprint, expiresInMs };
}

/** What the script that reads answers. */
export function storeRecord(reply: unknown): StoreRecord | undefined {
  return reply === "" ? undefined : shown(...readReply(parseReply(reply)));
}

function shown({ state, ttlMs, ...record }: KeptRecord, left: number): StoreRecord {
  const { attempt, runId, fingerprint, outcome, claimedAt } = record;
  const known = { attempt, runId, fingerprint, outcome, expiresInMs: left, claimedAt };
  if (state !== "held") return { status: state, ...known, leaseInMs: 0 };
  // S4: what is left of a lease is what is left of the record above its ttl.
  const leaseInMs = Math.max(0, left - ttlMs);
  return { status: leaseInMs > 0 ? "in-progress" : "uncertain", ...known, leaseInMs };
}

/** A record of a listing, and since when it is uncertain, or else its window goes on. */
export function listedRecord(reply: unknown): { record: StoreRecord; ageMs: number } | undefined {
  if (reply === "") return undefined;
  const [kept, left] = readReply(parseReply(reply));
  const record = shown(kept, left);
  return { record, ageMs: record.status === "uncertain" ? kept.ttlMs - left : Date.now() - kept.claimedAt };
}

// An error that does not begin with the server's word for it may stand for a reply that was lost.
const REFUSED = /^[A-Z]{2,} /;

/** Whether the server has answered, and did not do what it was asked. */
export function isRefusal(error: unknown): error is Error {
  return REFUSED.test(messageOf(error));
}

const FORBIDDEN = /NOPERM|no permissions|can't run this command|unknown (redis )?command/i;

/** Throws the error that a command failed with, or what it means. */
export function explain(error: unknown): never {
  const why = messageOf(error);
  if (why.includes("WRONGTYPE")) throw unreadableRecord("it is no string");
  if (FORBIDDEN.test(why)) throw new Error(`${why}. ${RIGHTS}`, { cause: error });
  throw error;
}

const RIGHTS =
  "The store runs scripts: its user of Redis needs the rights +evalsha +eval +get +set +pttl +pexpire +del, for `list` +scan, for `rerunWithin` +time, and for `replicas` +wait +client|id, on the keys that begin with its prefix";
