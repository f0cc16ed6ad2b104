const LENGTH = 22; // 132 bits
/** The characters of base64url in their order. */
export const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Written anew by each draw: to make them each time takes as long as all else but the draw itself.
const bytes = /* @__PURE__ */ new Uint8Array(LENGTH);
const codes: number[] = [];

function textAt(bytes: Uint8Array, start: number): string {
  for (let i = 0; i < LENGTH; i++) codes[i] = BASE64URL.charCodeAt(bytes[start + i]! & 63);
  return String.fromCharCode(...codes);
}

/**
 * A text that nobody else has. It names a claim, so it is unique among all claims of all processes. It is drawn afresh
 * each time. A snapshot of the process or a clone of its machine would copy a pool of random bytes, and two claims
 * would hold one key.
 */
export function drawToken(): string {
  return textAt(crypto.getRandomValues(bytes), 0);
}

/** As many at once, for claims that are made at once: a draw for each takes a fifth of what they take in all. */
export function drawTokens(count: number): string[] {
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH * count));
  return Array.from({ length: count }, (_, n) => textAt(bytes, n * LENGTH));
}
