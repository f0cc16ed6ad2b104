import { BASE64URL } from "./token.ts";

/**
 * The first 128 bits of a digest, which is base64url, as a UUID of version 8 (RFC 9562, section 5.8): six of them say
 * that it is one.
 */
export function uuidOf(digest: string): string {
  let hex = "";
  // Two characters are twelve bits.
  for (let i = 0; i < 22; i += 2) {
    const bits = (BASE64URL.indexOf(digest[i]!) << 6) | BASE64URL.indexOf(digest[i + 1]!);
    hex += bits.toString(16).padStart(3, "0");
  }
  const variant = "89ab"[Number.parseInt(hex[16]!, 16) & 3];
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join("-");
}
