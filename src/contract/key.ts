import { describe, describeRefused } from "../util/describe.ts";
import { digest } from "../util/sha256.ts";
import { InvalidKeyError } from "./errors.ts";

/**
 * What must happen only once: a string, or an array of parts. Different arrays never give the same key:
 * `["order", 42]` is the key `"order:42"`, and `["a:b", "c"]` differs from `["a", "b:c"]`.
 *
 * A string is used exactly as given: not trimmed, not normalised, and case matters. There is no length limit, but
 * 256 characters or fewer are recommended. Of a longer key, the store keeps only a digest.
 */
export type Key = string | readonly (string | number | bigint | boolean)[];

/** The recommended length, and the longest key that a store sees as it is. */
export const RECOMMENDED_KEY_LENGTH = 256;

const EXPECTED = 'key: expected a non-empty string, or an array of strings and numbers such as ["order", 42]';

function invalid(why: string): never {
  throw new InvalidKeyError(`${EXPECTED}; got ${why}`);
}

/** A part with what separates parts marked in it, so that no part can be taken for two. */
function escapePart(part: string): string {
  return part.replace(/[\\:]/g, "\\$&");
}

function partText(part: unknown, index: number): string {
  const type = typeof part;
  const isText = type === "string" || type === "bigint" || type === "boolean" || Number.isFinite(part);
  if (!isText) return invalid(`${describeRefused(part)} as part ${index}`);
  const text = String(part);
  return text === "" ? invalid(`an empty string as part ${index}`) : escapePart(text);
}

/** The text of a key, as errors, events and outcomes show it. Throws `INVALID_KEY`. */
export function keyText(key: Key): string {
  if (typeof key !== "string" && !Array.isArray(key)) return invalid(describeRefused(key));
  // `Array.from` so that a hole counts as a part, and is refused.
  const text = typeof key === "string" ? key : Array.from(key as readonly unknown[], partText).join(":");
  if (text.trim() === "") invalid(text === "" ? describe(key) : "nothing but white space");
  if (!text.isWellFormed()) invalid(`${describe(text)}, which has a lone surrogate: not well-formed Unicode`);
  return text;
}

// Room for a namespace beside a key of the recommended length.
const MAX_STORE_KEY_LENGTH = 300;
const DIGEST_MARK = "::sha256:";
const DIGEST_LENGTH = 43;

/**
 * What the store keys of a namespace begin with, and no others; nothing without one. A namespace that leaves no room
 * for a digest behind it is a digest itself: the backslash marks it, which a namespace has only before `:` or another.
 */
export function namespacePrefix(namespace: string | undefined): string {
  if (namespace === undefined) return "";
  const prefix = `:${escapePart(namespace)}:`;
  const hasRoom = prefix.length + DIGEST_MARK.length + DIGEST_LENGTH <= MAX_STORE_KEY_LENGTH;
  return hasRoom ? prefix : `:\\sha256.${digest(namespace)}:`;
}

/**
 * The key under which a store keeps a caller's key. Two namespaces, or one and none, never give the same one: a leading
 * `:` marks what is not a caller's own text, and a caller's own leading `:` is marked by two more. Of a long key a store
 * keeps a digest, behind its namespace, so that it is listed with that.
 */
export function storeKey(namespace: string | undefined, text: string): string {
  const prefix = namespacePrefix(namespace);
  const key = prefix + (text.startsWith(":") ? `::${text}` : text);
  return text.length <= RECOMMENDED_KEY_LENGTH && key.length <= MAX_STORE_KEY_LENGTH
    ? key
    : `${prefix}${DIGEST_MARK}${digest(text)}`;
}

/** A caller's key as a store key shows it: undefined where that has a digest of it. Nothing if it is of another namespace. */
export function callerKey(
  namespace: string | undefined,
  storeKey: string,
): { readonly text: string | undefined } | undefined {
  const prefix = namespacePrefix(namespace);
  const isWithin = prefix === "" ? !/^:[^:]/.test(storeKey) : storeKey.startsWith(prefix);
  if (!isWithin) return undefined;
  const rest = storeKey.slice(prefix.length);
  if (rest.startsWith(DIGEST_MARK)) return { text: undefined };
  return { text: rest.startsWith(":::") ? rest.slice(2) : rest };
}
