import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createIdempotency, type IdempotencyStore, type ListQuery } from "../../../src/index.ts";
import type { RedisClient } from "../../../src/stores/redis/client.ts";
import { keyOf, naming } from "../../../src/stores/redis/names.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { rejection } from "../../support/calls.ts";
import { startProxy } from "../../support/proxy.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };
const PATIENT = { timeout: 30_000 };

async function listed(store: IdempotencyStore, query: Partial<ListQuery> = {}) {
  const records = [];
  for await (const record of store.list!({ prefix: "", status: "uncertain", ...query })) records.push(record);
  return records;
}
const keysOf = async (store: IdempotencyStore, query?: Partial<ListQuery>) =>
  (await listed(store, query)).map(({ key }) => key).sort();

async function hold(store: IdempotencyStore, key: string) {
  await store.claim(key, { token: "a", ...TIMES });
  await store.renew(key, "a", 0);
}

describeWithRedis("a listing of a Redis store", url => {
  let redis: Redis;

  beforeAll(() => {
    redis = new Redis(url);
  });
  afterAll(() => redis.disconnect());

  it("has all keys of many pages", PATIENT, async () => {
    const store = redisStore(redis, { prefix: `${randomUUID()}:` });
    const keys = Array.from({ length: 3_000 }, (_, n) => `k${n}`).sort();
    await Promise.all(keys.map(key => hold(store, key)));
    expect(new Set(await keysOf(store))).toEqual(new Set(keys));
    expect(await keysOf(store, { status: "completed" })).toEqual([]);
  });

  const id = randomUUID();
  const PREFIXES = [`${id}:`, `${id}:a`, `${id}:a:`, `${id}[a-z]*:`, `${id}a*:`, `${id}\\?`, `${id}|`, id];

  it("of one prefix has none of another's, with keyPrefixes or without", PATIENT, async () => {
    const prefixing = new Redis(url, { keyPrefix: `${id}*{x}` });
    onTestFinished(() => prefixing.disconnect());
    const stores = [redis, prefixing].flatMap(client =>
      PREFIXES.map(prefix => redisStore(client, { prefix })),
    );
    for (const [n, store] of stores.entries()) {
      for (const key of [`k${n}`, "|", "a|b", "\ud800"]) await hold(store, key);
    }
    for (const [n, store] of stores.entries()) {
      expect(await keysOf(store)).toEqual(["a|b", `k${n}`, "|", "\ud800"].sort());
    }
  });

  it("leaves out what it cannot read", async () => {
    const prefix = `${randomUUID()}:`;
    const store = redisStore(redis, { prefix });
    await redis.set(`${prefix}foreign`, "hello");
    await redis.set(`${prefix}newer`, "9h1 60000 0 a  \n", "PX", 60_000);
    await redis.hset(`${prefix}hash`, "field", "value");
    await redis.set(`${prefix}forever`, "2h1 60000 0 a  \n");
    await hold(store, "k");
    for (const status of ["in-progress", "released", "completed"] as const)
      expect(await keysOf(store, { status })).toEqual([]);
    expect(await keysOf(store)).toEqual(["k"]);
  });

  it("has the results of what is completed, and asks for no others", PATIENT, async () => {
    const store = redisStore(redis, { prefix: `${randomUUID()}:` });
    const outcome = "x".repeat(2 ** 18);
    for (let n = 0; n < 40; n++) {
      await store.claim(`k${n}`, { token: "a", ...TIMES });
      await store.complete(`k${n}`, "a", outcome, 60_000);
    }
    const sent: unknown[] = [];
    for await (const record of store.list!({ prefix: "", status: "completed" })) sent.push(record.outcome);
    expect(sent).toEqual(Array.from({ length: 40 }, () => outcome));
    // The shared server has other things to do as well.
    expect(await bytesSent(redis, () => keysOf(store))).toBeLessThan(2 ** 20);
  });

  const CLIENTS: Record<string, (port: number) => Promise<{ client: RedisClient; end(): unknown }>> = {
    ioredis: async port => {
      const client = new Redis({ port });
      client.on("error", () => {});
      return { client, end: () => client.disconnect() };
    },
    "node-redis": async port => {
      const client = createClient({ url: `redis://127.0.0.1:${port}` });
      client.on("error", () => {});
      await client.connect();
      return { client, end: () => client.destroy() };
    },
  };

  it.each(Object.entries(CLIENTS))("fails in time when %s gets no answer", PATIENT, async (_, connect) => {
    const proxy = await startProxy({ host: "127.0.0.1", port: Number(new URL(url).port) });
    const { client, end } = await connect(proxy.port);
    onTestFinished(async () => {
      end();
      await proxy.stop();
    });
    const store = redisStore(client, { prefix: `${randomUUID()}:`, onWarning() {} });
    const { list } = createIdempotency({ store, storeTimeout: { milliseconds: 300 } });
    await hold(store, "k");
    const read = async () => {
      for await (const { key } of list()) {
        expect(key).toBe("k");
        proxy.blackHole(true);
      }
      for await (const _ of list()) expect.fail("listed");
    };
    expect(await rejection(read())).toMatchObject({
      code: "STORE_ERROR",
      message: "The store failed to list: no answer within 300 ms",
    });
  });
});

/** How many bytes the server sends meanwhile. */
async function bytesSent(redis: Redis, act: () => Promise<unknown>): Promise<number> {
  const sent = async () => Number(/total_net_output_bytes:(\d+)/.exec(await redis.info("stats"))![1]);
  const before = await sent();
  await act();
  return (await sent()) - before;
}

describe("a key's name", () => {
  it.each([
    ["idempotency:", "idempotency:a|b"],
    ["idempotency:", "other:a"],
    ["shop|", "shop|a"],
    ["shop", "shop:a"],
  ])("with the prefix %j is not %j", (prefix, name) => {
    expect(keyOf(prefix, name)).toBeUndefined();
  });

  it.each(["idempotency:", "shop", "a:b:", "a|b", ""])("with the prefix %j gives the key back", prefix => {
    for (const key of ["k", "a:b", "a|b", ":|:", "\u0010007c", "\ud800"])
      expect(keyOf(prefix, naming(prefix)(key))).toBe(key);
  });
});
