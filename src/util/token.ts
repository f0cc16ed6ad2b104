const LENGTH = 22; // 132 bits
/** The characters of base64url in their order. */
export const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Written anew by each draw: to make it each time takes as long as all else but the draw itself.
const codes: number[] = [];

function textAt(bytes: Uint8Array, start: number): string {
  for (let i = 0; i < LENGTH; i++) codes[i] = BASE64URL.charCodeAt(bytes[start + i]! & 63);
  return String.fromCharCode(...codes);
}

// A draw takes a third of a replay with Redis. One of this many tokens takes no longer than one of a single token.
const BLOCK = 32;
// `LENGTH * BLOCK`, which no bundler would drop.
const block = /* @__PURE__ */ new Uint8Array(704);
let left = 0;

const SOON = /* @__PURE__ */ Promise.resolve();

function drawBlock(): void {
  crypto.getRandomValues(block);
  left = BLOCK;
  void SOON.then(() => {
    left = 0;
  });
}

/**
 * A text that nobody else has. It names a claim, so it is unique among all claims of all processes. Calls that begin
 * together share a draw, and nothing of it is used once what waits by now has run: a snapshot of the process or a clone
 * of its machine would copy what is left of it, and two claims would hold one key.
 */
export function drawToken(): string {
  if (left === 0) drawBlock();
  return textAt(block, LENGTH * --left);
}

/** As many at once, for claims that are made at once: a draw for each takes a fifth of what they take in all. */
export function drawTokens(count: number): string[] {
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH * count));
  return Array.from({ length: count }, (_, n) => textAt(bytes, n * LENGTH));
}
