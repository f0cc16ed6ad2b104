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
  // Room for three bytes of each code unit, and for what the padding adds.
  const bytes = new Uint8Array(text.length * 3 + 72);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  bytes[written] = 0x80;
  const view = new DataView(bytes.buffer, 0, ((written + 8) >> 6) * 64 + 64);
  view.setUint32(view.byteLength - 8, written / 0x2000_0000);
  view.setUint32(view.byteLength - 4, written << 3);
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

/** 43 characters of `[A-Za-z0-9_-]`: the SHA-256 of the text in base64url. */
export function digest(text: string): string {
  constants ??= fipsConstants();
  const state = constants.initial.slice();
  const words = new Int32Array(64);
  const message = padded(text);
  for (let offset = 0; offset < message.byteLength; offset += 64) {
    schedule(words, message, offset);
    compress(state, words, constants.rounds);
  }
  return base64url(state);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// By hand: `btoa` takes as long as all the rest.
function base64url(state: Int32Array): string {
  let text = "";
  for (let bit = 0; bit < 256; bit += 6) {
    const word = state[bit >> 5]!;
    const shift = 26 - (bit & 31);
    const next = state[(bit >> 5) + 1] ?? 0;
    const six = shift >= 0 ? word >>> shift : (word << -shift) | (next >>> (32 + shift));
    text += ALPHABET[six & 63];
  }
  return text;
}
