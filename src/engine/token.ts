const LENGTH = 22; // 132 bits
// In base64 a text of 1024: short, for a token that is kept keeps all of it.
const RANDOM_BYTES = 768;

let random = "";
let at = 0;
let unused: string | undefined;

/**
 * Unique among all calls of all processes. Tokens are windows on a random text, each a character further on, for a
 * window takes less time and memory than a text of its own; they overlap, so none may serve as a secret.
 */
export function takeToken(): string {
  const token = unused ?? nextToken();
  unused = undefined;
  return token;
}

/** Takes back a token that no store has kept, for the next call. */
export function returnToken(token: string): void {
  unused = token;
}

function nextToken(): string {
  if (at + LENGTH > random.length) {
    random = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))));
    at = 0;
  }
  return random.slice(at, LENGTH + at++);
}
