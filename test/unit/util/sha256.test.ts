import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { digest, ownDigest } from "../../../src/util/sha256.ts";

const reference = (text: string) => createHash("sha256").update(text).digest("base64url");

it("is SHA-256 in base64url, of every length around its blocks", () => {
  for (let length = 0; length <= 200; length += 1) {
    const text = "a".repeat(length);
    expect([length, digest(text), ownDigest(text)]).toEqual([length, reference(text), reference(text)]);
  }
});

it("is that of any text's UTF-8", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), text => {
      expect(digest(text)).toBe(reference(text));
      expect(ownDigest(text)).toBe(reference(text));
    }),
    { numRuns: 100 },
  );
}, 30_000);

it("is that of a text of megabytes", () => {
  const text = "0123456789".repeat(200_000);
  expect(digest(text)).toBe(reference(text));
  expect(ownDigest(text)).toBe(reference(text));
}, 30_000);
