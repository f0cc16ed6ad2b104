import { bytesOf } from "./plain-data.ts";

/**
 * How many bytes a text takes in UTF-8: exact up to the limit, and some number above it for any longer text. Needs no
 * `TextEncoder` and allocates nothing.
 */
export function utf8Length(text: string, limit = 1 / 0): number {
  // A code unit takes at least one byte.
  if (text.length > limit) return text.length;
  if (text.length > 1_000 && globalThis.Buffer !== undefined) return globalThis.Buffer.byteLength(text);
  let bytes = text.length;
  for (let i = 0; i < text.length && bytes <= limit; i++) {
    const unit = text.charCodeAt(i);
    // Both halves of a surrogate pair count two, and a lone one is replaced by three.
    if (unit > 0x7f) bytes += unit > 0x7ff && !isPaired(text, i, unit) ? 2 : 1;
  }
  return bytes;
}

/** Whether the code unit at that index is half of a surrogate pair. */
function isPaired(text: string, i: number, unit: number): boolean {
  if (unit >> 11 !== 0x1b) return false;
  const other = text.charCodeAt(unit < 0xdc00 ? i + 1 : i - 1);
  return other >> 10 === (unit < 0xdc00 ? 0x37 : 0x36);
}

/** The UTF-8 of a text at the start of `bytes`, which has room for it; the number of bytes written. */
export function writeUtf8(text: string, bytes: Uint8Array): number {
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (isPaired(text, i, code)) code = text.codePointAt(i++)!;
    else if (code >> 11 === 0x1b) code = 0xfffd;
    const more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    bytes[at++] = more === 0 ? code : (0xf00 >> (more + 1)) | (code >> (6 * more));
    for (let left = more - 1; left >= 0; left--) bytes[at++] = 0x80 | ((code >> (6 * left)) & 0x3f);
  }
  return at;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
// Few enough characters to be the arguments of one call.
const CHUNK = 6_144;

/** The base64 of the bytes of a typed array, a `DataView` or an `ArrayBuffer`. */
export function toBase64(value: object): string {
  const bytes = bytesOf(value);
  const { Buffer } = globalThis;
  if (Buffer !== undefined)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  const chunks: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) chunks.push(encode(bytes.subarray(at, at + CHUNK)));
  return chunks.join("");
}

function encode(bytes: Uint8Array): string {
  const codes: number[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const bits = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    for (let by = 18; by >= 0; by -= 6) codes.push(ALPHABET.charCodeAt((bits >> by) & 63));
  }
  const missing = (3 - (bytes.length % 3)) % 3;
  return String.fromCharCode(...codes.slice(0, codes.length - missing)) + "==".slice(0, missing);
}

/** The bytes of a base64; undefined where it is none. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const written = globalThis.Buffer?.from(bytes.buffer).write(text, "base64") ?? decode(text, padding, bytes);
  return written === bytes.length ? bytes : undefined;
}

function decode(text: string, padding: number, bytes: Uint8Array): number {
  const sixes: number[] = [];
  for (let i = 0; i < 64; i++) sixes[ALPHABET.charCodeAt(i)] = i;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length - padding; i++) {
    const six = sixes[text.charCodeAt(i)];
    if (six === undefined) return -1;
    bits = (bits << 6) | six;
    if (i % 4 !== 0) bytes[at++] = bits >> (6 - 2 * (i % 4));
  }
  return at;
}
