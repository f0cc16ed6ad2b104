import { unreadableRecord } from "../shared/record.ts";
import type { Attribute } from "./attribute.ts";

/**
 * S9: the most bytes of an outcome, for an item of DynamoDB may have 400 KB in all: its key and the rest of the record take
 * some of that.
 */
export const MAX_OUTCOME_BYTES = 350 * 1_024;

const LONE = /([\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff])/;
// The same as three bytes, which no UTF-8 contains.
const LONE_BYTES = /(\xed[\xa0-\xbf][\x80-\xbf])/;

/**
 * S9: an outcome to the letter, in as many bytes as its UTF-8 has: as text, which people can read, or, with a NUL or a lone
 * surrogate in it, which no text of DynamoDB is sure to keep, as bytes.
 */
export function outcomeAttribute(outcome: string): Attribute {
  if (outcome.isWellFormed() && !outcome.includes("\0")) return { S: outcome };
  // What is split off stands at every second place.
  const parts = outcome.split(LONE).map((part, n) => (n % 2 === 0 ? Buffer.from(part) : surrogate(part)));
  return { B: Buffer.concat(parts) };
}

function surrogate(unit: string): Buffer {
  const code = unit.charCodeAt(0);
  return Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]);
}

/** The outcome that {@link outcomeAttribute} was given. Throws `RESULT_UNAVAILABLE` where there is none. */
export function readOutcome(value: Attribute | undefined): string {
  if (typeof value?.S === "string") return value.S;
  if (!(value?.B instanceof Uint8Array)) throw unreadableRecord("its outcome is neither text nor bytes");
  const { buffer, byteOffset, length } = value.B;
  const parts = Buffer.from(buffer, byteOffset, length).toString("latin1").split(LONE_BYTES);
  return parts.map((part, n) => (n % 2 === 0 ? utf8(part) : unit(part))).join("");
}

const utf8 = (bytes: string) => Buffer.from(bytes, "latin1").toString();

function unit(bytes: string): string {
  const [, high, low] = Buffer.from(bytes, "latin1") as unknown as [number, number, number];
  return String.fromCharCode(0xd000 | ((high & 0x3f) << 6) | (low & 0x3f));
}
