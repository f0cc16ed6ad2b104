import { BASE64URL } from "./token.ts";

/**
 * The first 128 bits of a digest, which is base64url, as a UUID of version 8 (RFC 9562, section 5.8): six of them say
 * that it is one.
 */
export function uuidOf(digest: string): string {
  // Two characters are twelve bits.
  const hex = digest.slice(0, 22).replace(/(.)(.)/g, (_, one: string, two: string) => {
    const bits = 0x1000 | (BASE64URL.indexOf(one) << 6) | BASE64URL.indexOf(two);
    return bits.toString(16).slice(1);
  });
  const variant = "89ab"[Number.parseInt(hex[16]!, 16) & 3];
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).$/, `$1-$2-8$3-${variant}$4-$5`);
}
