import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Redis as Ioredis5 } from "ioredis5";
import { createClient, createClientPool, RESP_TYPES } from "redis";
import { createClient as createClient5 } from "redis5";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { RedisClient } from "../../../src/stores/redis/client.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { answersEverything } from "./answers.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };

describeWithRedis("a Redis store", url => {
  const port = Number(new URL(url).port);

  const IOREDIS: Record<string, object> = {
    stringNumbers: { stringNumbers: true },
    "stringNumbers and RESP2": { stringNumbers: true, protocol: 2 },
    "RESP3 as it comes": { protocol: 3, replyMapping: "resp3" },
    "automatic pipelining and stringNumbers": { enableAutoPipelining: true, stringNumbers: true },
    "another database and a hash tag": { db: 3, keyPrefix: "{x}" },
    "no offline queue": { enableOfflineQueue: false, enableReadyCheck: false },
    "a command timeout": { noDelay: false, commandTimeout: 3_000 },
    "friendly stacks": { showFriendlyErrorStack: true },
  };
  it.each(Object.entries(IOREDIS))("reads what ioredis answers with %s", async (_, options) => {
    const redis = new Redis({ port, ...options });
    onTestFinished(() => redis.disconnect());
    await new Promise(resolve => redis.once("ready", resolve));
    await answersEverything(redis);
  });

  it("reads what ioredis 5 answers with stringNumbers", async () => {
    const redis = new Ioredis5({ port, stringNumbers: true });
    onTestFinished(() => redis.disconnect());
    await answersEverything(redis);
  });

  it("asks for replicas by a client with stringNumbers", async () => {
    const redis = new Redis({ port, stringNumbers: true });
    onTestFinished(() => redis.disconnect());
    const store = redisStore(redis, { replicas: { count: 1, timeoutMs: 20 } });
    await expect(store.claim(randomUUID(), { token: "a", ...TIMES })).rejects.toThrow(
      "expected 1 to confirm",
    );
  });

  const mapping = {
    [RESP_TYPES.BLOB_STRING]: Buffer,
    [RESP_TYPES.NUMBER]: String,
    [RESP_TYPES.SIMPLE_STRING]: Buffer,
  };
  const NODE_REDIS: Record<string, object> = {
    "RESP3 and a type mapping": { RESP: 3, commandOptions: { typeMapping: mapping } },
    "RESP2 and a type mapping": { RESP: 2, commandOptions: { typeMapping: mapping } },
    "a type mapping and a keyPrefix": { keyPrefix: "app:", commandOptions: { typeMapping: mapping } },
    "a cache on its side": {
      RESP: 3,
      clientSideCache: { ttl: 0, maxEntries: 0 },
    },
    "no offline queue, and pings": { disableOfflineQueue: true, pingInterval: 50 },
    "another database": { database: 3 },
    "a command timeout of its own": { commandOptions: { timeout: 3_000 } },
  };
  it.each(Object.entries(NODE_REDIS))("reads what node-redis answers with %s", async (_, options) => {
    const client = createClient({ url, ...options } as object);
    // A ping may be under way when the client ends.
    client.on("error", () => {});
    await client.connect();
    onTestFinished(() => client.destroy());
    await answersEverything(client as unknown as RedisClient);
  });

  it("reads what views of node-redis' client and a pool answer", async () => {
    const client = await createClient({ url }).connect();
    const pool = await createClientPool({
      url,
      commandOptions: { typeMapping: mapping },
    } as object).connect();
    onTestFinished(() => {
      client.destroy();
      pool?.destroy();
    });
    await answersEverything(client.withTypeMapping(mapping) as unknown as RedisClient);
    await answersEverything(client.withCommandOptions({ typeMapping: mapping }) as unknown as RedisClient);
    await answersEverything(pool as unknown as RedisClient);
  });

  describe("never sends what node-redis could not send in time", () => {
    it.each([undefined, "app:"])("with the keyPrefix %j", { timeout: 30_000 }, async keyPrefix => {
      const client = createClient({
        url: "redis://127.0.0.1:1",
        keyPrefix,
        commandOptions: { timeout: 500 },
      });
      client.on("error", () => {});
      client.connect().catch(() => {});
      onTestFinished(() => client.destroy());
      await expect(redisStore(client).read("k")).rejects.toThrow(Error);
    });
  });

  it("never sends what node-redis 5 could not send in time", { timeout: 30_000 }, async () => {
    const client = createClient5({ url: "redis://127.0.0.1:1" });
    client.on("error", () => {});
    client.connect().catch(() => {});
    onTestFinished(() => client.destroy());
    const answer = redisStore(client as unknown as RedisClient).read("k");
    await expect(Promise.race([answer, sleep(8_000)])).rejects.toThrow(Error);
  });

  it("sends by node-redis long after its first command", async () => {
    const client = await createClient({ url, commandOptions: { timeout: 100 } }).connect();
    onTestFinished(() => client.destroy());
    const store = redisStore(client, { prefix: `${randomUUID()}:` });
    await store.claim("a", { token: "a", ...TIMES });
    await sleep(1_500);
    expect(await store.claim("b", { token: "a", ...TIMES })).toMatchObject({ status: "claimed" });
  });

  describe("by node-redis among a test's fake timers", () => {
    const fake = () => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });

    afterEach(() => {
      vi.useRealTimers();
      vi.resetModules();
    });

    const LOADED = {
      "loaded before them": async () => redisStore,
      "loaded among them": async () => {
        vi.resetModules();
        return (await import("../../../src/stores/redis/store.ts")).redisStore;
      },
    };
    describe.each(Object.entries(LOADED))("%s", (_, load) => {
      it("sends what comes after they have run out, and moves no clock", async () => {
        const client = await createClient({ url }).connect();
        onTestFinished(() => client.destroy());
        fake();
        const store = (await load())(client, { prefix: `${randomUUID()}:` });
        const claim = (key: string) => store.claim(key, { token: "a", ...TIMES });
        await claim("a");
        expect(vi.getTimerCount()).toBe(0);
        const begun = Date.now();
        await vi.runAllTimersAsync();
        await vi.advanceTimersByTimeAsync(6_000);
        expect(Date.now()).toBe(begun + 6_000);
        expect(await claim("b")).toMatchObject({ status: "claimed" });
      });

      it("never sends what could not be sent in time", async () => {
        const options = { url: "redis://127.0.0.1:1", commandOptions: { timeout: 500 } };
        const client = createClient(options);
        client.on("error", () => {});
        client.connect().catch(() => {});
        onTestFinished(() => client.destroy());
        fake();
        const store = (await load())(client);
        await expect(store.read("k")).rejects.toThrow(Error);
      });
    });
  });
});
