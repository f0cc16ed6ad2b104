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
    const refused = expect(withIdempotency("k", "1m", fn)).rejects;
    await refused.toMatchObject({ code: "STORE_ERROR", message: expect.stringContaining("MULTI") });
    await redis.exec();
    expect(fn).not.toHaveBeenCalled();
    await vi.waitFor(async () => expect(await inspect("k")).toMatchObject({ state: "released" }));
  });
});
