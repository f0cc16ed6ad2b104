const LENGTH = 22; // 132 bits
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * A text that nobody else has, such as names a claim: unique among all claims of all processes. Drawn afresh each time, for a pool of random bytes would be
 * carried along by a snapshot of the process or a clone of its machine, and two of them would hold one key.
 */
export function drawToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH));
  return String.fromCharCode(...bytes.map(byte => ALPHABET.charCodeAt(byte & 63)));
}
