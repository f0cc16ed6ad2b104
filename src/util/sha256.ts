import { toBase64, utf8Length, writeUtf8 } from "./bytes.ts";
import { builtinModule } from "./platform.ts";

// SHA-256 (FIPS 180-4) of a text's UTF-8, at once: the Web Crypto of every runtime only answers later, and `node:`
// modules are not everywhere. A library for it would take half of the size that the root entry may have.

/** The first 32 bits of the fractional part of `root`, as FIPS 180-4 defines its constants. */
const fractionBits = (root: number) => ((root - Math.floor(root)) * 0x1_0000_0000) | 0;

let constants: { initial: Int32Array; rounds: Int32Array } | undefined;

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) {
    if (primes.every(prime => n % prime !== 0)) primes.push(n);
  }
  return primes;
}

function fipsConstants() {
  const primes = firstPrimes(64);
  return {
    initial: Int32Array.from(primes.slice(0, 8), prime => fractionBits(Math.sqrt(prime))),
    rounds: Int32Array.from(primes, prime => fractionBits(Math.cbrt(prime))),
  };
}

const rotate = (word: number, by: number) => (word >>> by) | (word << (32 - by));

function padded(text: string): DataView {
  const length = utf8Length(text);
  const bytes = new Uint8Array(((length + 8) >> 6) * 64 + 64);
  writeUtf8(text, bytes);
  bytes[length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(view.byteLength - 8, length / 0x2000_0000);
  view.setUint32(view.byteLength - 4, length << 3);
  return view;
}

function schedule(words: Int32Array, message: DataView, offset: number): void {
  for (let i = 0; i < 16; i++) words[i] = message.getInt32(offset + i * 4);
  for (let i = 16; i < 64; i++) {
    const a = words[i - 15]!;
    const b = words[i - 2]!;
    const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
    const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
    words[i] = words[i - 16]! + s0 + words[i - 7]! + s1;
  }
}

type Eight = [number, number, number, number, number, number, number, number];

function compress(state: Int32Array, words: Int32Array, rounds: Int32Array): void {
  let [a, b, c, d, e, f, g, h] = state as unknown as Eight;
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + rounds[i]! + words[i]!) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) state[i]! += word;
}

/** What {@link digest} does on a runtime that has no hash of its own. */
export function ownDigest(text: string): string {
  constants ??= fipsConstants();
  const state = constants.initial.slice();
  const words = new Int32Array(64);
  const message = padded(text);
  for (let offset = 0; offset < message.byteLength; offset += 64) {
    schedule(words, message, offset);
    compress(state, words, constants.rounds);
  }
  const bytes = new DataView(new ArrayBuffer(32));
  for (const [i, word] of state.entries()) bytes.setInt32(i * 4, word);
  return toBase64(bytes).replace(/\+/g, "-").replace(/\//g, "_").slice(0, 43);
}

type Hash = (algorithm: string, text: string, encoding: string) => string;

/** Node's own hash, which takes a tenth of the time, if there is one and it agrees with ours. */
function platformHash(): Hash | false {
  try {
    const hash = builtinModule<{ hash?: Hash }>("node:crypto")?.hash;
    return hash?.("sha256", "\ud800é", "base64url") === ownDigest("\ud800é") && hash;
  } catch {
    return false;
  }
}

let hash: Hash | false | undefined;

/**
 * 43 characters of `[A-Za-z0-9_-]`: the SHA-256 of the text in base64url, the same on every runtime.
 *
 * ```ts
 * digest(""); // "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
 * ```
 */
export function digest(text: string): string {
  // Asked for on first use: to load it takes longer than to load this package.
  hash ??= platformHash();
  return hash ? hash("sha256", text, "base64url") : ownDigest(text);
}
