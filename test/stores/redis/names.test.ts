import fc from "fast-check";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { naming } from "../../../src/stores/redis/names.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { originalText } from "../../../src/stores/shared/record.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";

const text = fc.string({
  unit: fc.constantFrom("a", ":", "|", "\\", "\u0010", "007c", "%", "\ud800"),
  maxLength: 6,
});

describe("a key's name in Redis", () => {
  it.each([
    ["idempotency:", "order:42", "idempotency:order:42"],
    ["shop:mail:", "order:42", "shop:mail:|order:42"],
    ["shop", "order:42", "shop|order:42"],
    ["", "order:42", "|order:42"],
    [":", "order:42", ":order:42"],
    ["{shop}:", "order:42", "{shop}:order:42"],
    ["idempotency:", "a|b", "idempotency:a\u0010007cb"],
    ["a|b", "c|d", "a\u0010007cb|c|d"],
  ])("with the prefix %j of the key %j is %j", (prefix, key, name) => {
    expect(naming(prefix)(key)).toBe(name);
  });

  it("is never that of another prefix or another key, and the key can be read from it", () => {
    fc.assert(
      fc.property(text, text, text, text, (prefix, key, otherPrefix, otherKey) => {
        const name = naming(prefix)(key);
        const isSame = prefix === otherPrefix && key === otherKey;
        expect(naming(otherPrefix)(otherKey) === name).toBe(isSame);
        expect(originalText(name.slice(naming(prefix)("").length))).toBe(key);
      }),
      { numRuns: 3_000 },
    );
  });

  it("is never that of another prefix where one text is split in two ways", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", ":", "|"), maxLength: 8 }), whole => {
        const names = Array.from({ length: whole.length + 1 }, (_, n) =>
          naming(whole.slice(0, n))(whole.slice(n)),
        );
        expect(new Set(names).size).toBe(names.length);
      }),
      { numRuns: 1_000 },
    );
  });
});

describeWithRedis("stores with different prefixes on one Redis", url => {
  it("never share a record", async () => {
    const redis = new Redis(url);
    const pairs = [
      ["a", "b:c"],
      ["a:", "b:c"],
      ["a:b", ":c"],
      ["a:b:", "c"],
      ["a:b:c", ""],
      ["", "a:b:c"],
      ["a", ":b:c"],
    ] as const;
    for (const [prefix, key] of pairs) {
      const claim = redisStore(redis, { prefix }).claim(key, { token: "t", ttlMs: 60_000, leaseMs: 30_000 });
      expect(await claim, `${prefix} ${key}`).toMatchObject({ status: "claimed", attempt: 1 });
      await redisStore(redis, { prefix }).complete(key, "t", "sent", 60_000);
    }
    for (const [prefix, key] of pairs) expect(await redisStore(redis, { prefix }).forget(key)).toBe(true);
    redis.disconnect();
  });
});
