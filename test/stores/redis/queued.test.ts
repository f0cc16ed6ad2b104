import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { expect, it, onTestFinished, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";

describeWithRedis("a Redis store", url => {
  it("whose client is in a transaction of the application fails, says so, and leaves the key free", async () => {
    const redis = new Redis(url);
    onTestFinished(() => redis.disconnect());
    const store = redisStore(redis, { prefix: `${randomUUID()}:` });
    const { withIdempotency, inspect } = createIdempotency({ store });
    await withIdempotency("warm", "1m", () => 1);
    const fn = vi.fn(() => "sent");
    await redis.multi({ pipeline: false });
    const items = [{ key: "many", request: { token: "t", ttlMs: 60_000, leaseMs: 1_000 } }];
    const asked = Promise.resolve(store.claimMany!(items)).catch((error: Error) => [error]);
    expect((await asked)[0]).toMatchObject({ message: expect.stringContaining("MULTI") });
    const refused = expect(withIdempotency("k", "1m", fn)).rejects;
    await refused.toMatchObject({ code: "STORE_ERROR", message: expect.stringContaining("MULTI") });
    await redis.exec();
    expect(fn).not.toHaveBeenCalled();
    await vi.waitFor(async () => expect(await inspect("k")).toMatchObject({ state: "released" }));
  });

  it("takes no text of another program for that", async () => {
    const redis = new Redis(url);
    onTestFinished(() => redis.disconnect());
    const prefix = `${randomUUID()}:`;
    await redis.set(`${prefix}k`, "QUEUED", "PX", 60_000);
    const refused = expect(redisStore(redis, { prefix }).read("k")).rejects;
    await refused.toMatchObject({
      code: "RESULT_UNAVAILABLE",
      message: expect.stringContaining("this package's form"),
    });
  });
});
