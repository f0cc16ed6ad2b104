import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { createClient, createClientPool } from "redis";
import { createClient as createClient5 } from "redis5";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import type { RedisClient } from "../../../src/stores/redis/client.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { connectGlide } from "./clients.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };

/** A client, and how its caller closes it. */
type Closing = (url: string) => Promise<{ client: RedisClient; close(): unknown }>;

const CLIENTS: Record<string, Closing> = {
  "ioredis, by quit": async url => {
    const client = new Redis(url);
    return { client, close: () => client.quit() };
  },
  "ioredis, by disconnect": async url => {
    const client = new Redis(url);
    return { client, close: () => client.disconnect() };
  },
  "node-redis, by close": async url => {
    const client = await createClient({ url }).connect();
    return { client, close: () => client.close() };
  },
  "node-redis, by destroy": async url => {
    const client = await createClient({ url }).connect();
    return { client, close: () => client.destroy() };
  },
  "node-redis 5, by destroy": async url => {
    const client = await createClient5({ url }).connect();
    return { client, close: () => client.destroy() };
  },
  "Valkey GLIDE, by close": async url => {
    const { client } = await connectGlide(url);
    return { client, close: () => client.close() };
  },
  "a pool, by close": async url => {
    const client = createClientPool({ url });
    await client.connect();
    return { client, close: () => client.close() };
  },
  "a pool, by destroy": async url => {
    const client = createClientPool({ url });
    await client.connect();
    return { client, close: () => client.destroy() };
  },
};

// A rejection that nobody handles, or an error that nobody catches, fails the run.
describeWithRedis("a client that its caller closed", url => {
  const prefix = `${randomUUID()}:`;

  describe.each(Object.entries(CLIENTS))("%s", (_, open) => {
    it("is a store that fails, for each operation", async () => {
      const { client, close } = await open(url);
      const store = redisStore(client, { prefix });
      const instance = createIdempotency({ store, storeTimeout: "2s" });
      await instance.withIdempotency(randomUUID(), "1m", () => 1);
      await close();
      const key = randomUUID();
      for (const act of [
        () => instance.withIdempotency(key, "1m", () => expect.fail("ran")),
        () => instance.inspect(key),
        () => instance.forget(key),
        () => instance.resolve(key, "1m", "sent"),
        () => instance.reopen(key),
        () => instance.list()[Symbol.asyncIterator]().next(),
      ])
        await expect(act()).rejects.toMatchObject({ code: "STORE_ERROR" });
      await sleep(50);
    });

    it("before its first use is a store that fails", async () => {
      const { client, close } = await open(url);
      const store = redisStore(client, { prefix });
      await close();
      const call = createIdempotency({ store }).withIdempotency(randomUUID(), "1m", () => expect.fail("ran"));
      await expect(call).rejects.toMatchObject({ code: "STORE_ERROR" });
    });

    it("in mid-run costs no value, and in mid-flight no more than the calls", async () => {
      const { client, close } = await open(url);
      const store = redisStore(client, { prefix });
      const { execute } = createIdempotency({ store, lease: "1s", storeTimeout: "1s" });
      const outcome = await execute(randomUUID(), "1m", async () => {
        const flying = Array.from({ length: 40 }, () =>
          execute(randomUUID(), "1m", () => "sent").catch(({ code }) => code),
        );
        // A client may reject its own closing, where the server is faster.
        await Promise.allSettled([close(), ...flying]);
        return "sent";
      });
      expect(outcome).toMatchObject({ value: "sent", persisted: false });
    });

    it("wakes nobody who waits, and ends with the last of them", { timeout: 20_000 }, async () => {
      const { client, close } = await open(url);
      const store = redisStore(client, { prefix });
      const key = randomUUID();
      await store.claim(key, { token: "a", ...TIMES });
      const abort = new AbortController();
      const waiting = [0, 1, 2].map(() => store.settled?.(key, abort.signal));
      await close();
      const late = store.settled?.(randomUUID(), abort.signal);
      await sleep(100);
      abort.abort();
      await Promise.all([...waiting, late]);
      // Longer than the connection lingers.
      await sleep(700);
    });
  });
});
