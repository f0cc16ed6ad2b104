import fc from "fast-check";
import { expect, it } from "vitest";
import { digest } from "../../../src/util/sha256.ts";
import { uuidOf } from "../../../src/util/uuid.ts";

it("is the first 16 bytes of the digest, with the version 8 and the variant of RFC 9562", () => {
  fc.assert(
    fc.property(fc.string(), text => {
      const bytes = Buffer.from(digest(text), "base64url").subarray(0, 16);
      bytes[6] = (bytes[6]! & 0x0f) | 0x80;
      bytes[8] = (bytes[8]! & 0x3f) | 0x80;
      expect(uuidOf(digest(text)).replaceAll("-", "")).toBe(bytes.toString("hex"));
      expect(uuidOf(digest(text))).toMatch(
        /^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
      );
    }),
  );
});

it("is the same on every machine", () => {
  expect(uuidOf(digest(""))).toBe("e3b0c442-98fc-8c14-9afb-f4c8996fb924");
});
