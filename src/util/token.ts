const LENGTH = 22; // 132 bits
/** The characters of base64url in their order. */
export const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Written anew by each draw: to make them each time takes as long as all else but the draw itself.
const bytes = /* @__PURE__ */ new Uint8Array(LENGTH);
const codes: number[] = [];

/**
 * A text that nobody else has. It names a claim, so it is unique among all claims of all processes. It is drawn afresh
 * each time. A snapshot of the process or a clone of its machine would copy a pool of random bytes, and two claims
 * would hold one key.
 */
export function drawToken(): string {
  crypto.getRandomValues(bytes);
  for (let i = 0; i < LENGTH; i++) codes[i] = BASE64URL.charCodeAt(bytes[i]! & 63);
  return String.fromCharCode(...codes);
}
