import { ResultUnavailableError } from "../../contract/errors.ts";
import type { StoreRecord } from "../../contract/store.ts";

/** The version of the form in which stores outside this process keep a record. */
export const RECORD_VERSION = 2;

// S9: neither Redis' clients nor SQL's text hold a lone surrogate, and SQL's text no NUL: both are kept behind this mark,
// which JSON never contains as it is.
const MARK = "\u0010";
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced.
const UNSTORABLE = /[\0\u0010]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const DELIMITERS = /[ \n]/g;
const PLAIN_WORD = /^[!-~]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced.
const KEPT = /\u0010(.{4})/g;

const mark = (unit: string) => MARK + unit.charCodeAt(0).toString(16).padStart(4, "0");

/** A text as any store can keep it: what a store would change is escaped. Different texts stay different. */
export function storableText(text: string): string {
  if (text.isWellFormed() && !text.includes("\0") && !text.includes(MARK)) return text;
  return text.replace(UNSTORABLE, mark);
}

/** The text that {@link storableText} or {@link storableWord} was given. */
export function originalText(kept: string): string {
  if (!kept.includes(MARK)) return kept;
  return kept.replace(KEPT, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** A text as {@link storableText} gives it, and without a delimiter of a record's first line. */
export function storableWord(text: string): string {
  return PLAIN_WORD.test(text) ? text : storableText(text).replace(DELIMITERS, mark);
}

/** What a store throws where there is a record that it cannot read: it is not absent, so nothing may run. */
export function unreadableRecord(why: string): ResultUnavailableError {
  return new ResultUnavailableError(
    `The key has a record that cannot be read: ${why}. Nothing runs while it is there; \`forget\` the key to free it.`,
  );
}

// A record as one text: the version, a letter for the state, and on its first line the attempt, a number (held: the
// ttl in milliseconds; completed: how many bytes the outcome has; released: 0), when the window's first claim was made
// (in milliseconds since 1970: in base 36 by that claimant's clock, or `=` and the digits by the server's), the token
// of the call that holds or completed it (nothing if an operator settled it), the runId (nothing if it is the token),
// and a colon with the fingerprint (nothing if there is none); then the outcome. S2: a claim that is repeated answers
// the same `takeover`, so a key that was taken over while it was uncertain has a letter of its own, `t`.
const LINE = /^(\d+)([htrc])([1-9]\d*) (\d+) (=\d+|[\da-z]+) ([^ \n]*) ([^ \n]*) (:[^ \n]*)?\n/;

const STATES = { h: "held", t: "held", r: "released", c: "completed" } as const;

/** What the text of a record says. */
export interface KeptRecord
  extends Pick<StoreRecord, "attempt" | "runId" | "fingerprint" | "outcome" | "claimedAt"> {
  state: (typeof STATES)[keyof typeof STATES];
  /** Held by a claim that took an uncertain key over. */
  takeover: boolean;
  ttlMs: number;
}

/** A fingerprint as it stands in a record's text. */
export function fingerprintWord(fingerprint: string | undefined): string {
  return fingerprint === undefined ? "" : `:${storableWord(fingerprint)}`;
}

/** The time by this process's clock as it stands in a record: a whole number from 0, whatever a test has made of the clock. */
export function timeWord(): string {
  const now = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.trunc(Date.now())));
  return (now || 0).toString(36);
}

function readTime(word: string): number {
  return word.startsWith("=") ? Number(word.slice(1)) : Number.parseInt(word, 36);
}

/** The record of a window's first claim. All but the ttl is given as it stands in a record. */
export function firstRecord(token: string, ttlMs: number, claimedAt: string, fingerprint: string): string {
  return `${RECORD_VERSION}h1 ${ttlMs} ${claimedAt} ${token}  ${fingerprint}\n`;
}

/** Whether a text is one of a completed key, if it is a record at all. */
export function isCompleted(text: string): boolean {
  return text.startsWith(`${RECORD_VERSION}c`);
}

/** What to throw where there is a text that is no record of this version. */
export function unreadableText(text: string): ResultUnavailableError {
  const version = /^(\d+)[a-z]/.exec(text)?.[1];
  if (version === undefined) return unreadableRecord("it is not of this package's form");
  if (Number(version) === RECORD_VERSION)
    return unreadableRecord("it is cut short, garbled or never expires");
  return unreadableRecord(`its version is ${version}, and this package knows version ${RECORD_VERSION}`);
}

/** Reads the text of a record. Throws `RESULT_UNAVAILABLE` where it is none of this version. */
export function readRecord(text: string): KeptRecord {
  const [line, version, letter, attempt, number, time, token, runId, fingerprint] = LINE.exec(text) ?? [];
  const isSound = version === `${RECORD_VERSION}` && Number.isSafeInteger(Number(attempt));
  if (line === undefined || !isSound || (runId === "" && token === "")) throw unreadableText(text);
  const claimedAt = readTime(time as string);
  if (!Number.isSafeInteger(claimedAt)) throw unreadableText(text);
  const state = STATES[letter as keyof typeof STATES];
  const rest = text.slice(line.length);
  if (Buffer.byteLength(rest) !== (state === "completed" ? Number(number) : 0)) throw unreadableText(text);
  return {
    state,
    takeover: letter === "t",
    attempt: Number(attempt),
    ttlMs: state === "held" ? Number(number) : 0,
    runId: originalText((runId || token) as string),
    fingerprint: fingerprint === undefined ? undefined : originalText(fingerprint.slice(1)),
    outcome: state === "completed" ? originalText(rest) : undefined,
    claimedAt,
  };
}
