const LENGTH = 22; // 132 bits
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * A text that nobody else has. It names a claim, so it is unique among all claims of all processes. It is drawn afresh
 * each time. A snapshot of the process or a clone of its machine would copy a pool of random bytes, and two claims
 * would hold one key.
 */
export function drawToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH));
  return String.fromCharCode(...bytes.map(byte => ALPHABET.charCodeAt(byte & 63)));
}
