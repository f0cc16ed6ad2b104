import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { Redis as Ioredis5 } from "ioredis5";
import { createSentinel } from "redis";
import { createSentinel as createSentinel5 } from "redis5";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { until } from "../../support/servers/process.ts";
import { type RedisServer, startRedis } from "../../support/servers/redis.ts";
import { type RedisSentinel, startRedisSentinel } from "../../support/servers/redis-sentinel.ts";
import type { Connected } from "./clients.ts";

const PATIENT = { timeout: 20_000 };
const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };

type Address = Pick<RedisSentinel, "host" | "port">;

const CLIENTS: Record<string, { connect(sentinel: Address): Promise<Connected>; hints: boolean }> = {
  "ioredis 6": {
    hints: true,
    async connect(sentinel) {
      const client = new Redis({ sentinels: [sentinel], name: "main" });
      return { client, close: async () => client.disconnect() };
    },
  },
  "ioredis 5": {
    hints: true,
    async connect(sentinel) {
      const client = new Ioredis5({ sentinels: [sentinel], name: "main" });
      return { client, close: async () => client.disconnect() };
    },
  },
  "node-redis 6": {
    hints: true,
    async connect(sentinel) {
      const client = createSentinel({ name: "main", sentinelRootNodes: [sentinel] });
      client.on("error", () => {});
      await client.connect();
      return { client, close: () => client.destroy() };
    },
  },
  "node-redis 6 with several connections": {
    hints: true,
    async connect(sentinel) {
      const client = createSentinel({ name: "main", sentinelRootNodes: [sentinel], masterPoolSize: 3 });
      client.on("error", () => {});
      await client.connect();
      return { client, close: () => client.destroy() };
    },
  },
  // It cannot be duplicated.
  "node-redis 5": {
    hints: false,
    async connect(sentinel) {
      const client = createSentinel5({ name: "main", sentinelRootNodes: [sentinel] });
      client.on("error", () => {});
      await client.connect();
      return { client, close: () => client.destroy() };
    },
  },
};

describeWithRedis("a primary that a sentinel names", () => {
  let server: RedisServer;
  let sentinel: RedisSentinel;
  let probe: Redis;

  beforeAll(async () => {
    server = await startRedis({ args: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"] });
    sentinel = await startRedisSentinel(server);
    probe = new Redis(server.url);
  }, PATIENT.timeout);
  afterAll(async () => {
    probe.disconnect();
    await sentinel.stop();
    await server.stop();
  });

  describe.each(Object.entries(CLIENTS))("by %s", (_, { connect, hints }) => {
    const open = async () => {
      const { client, close } = await connect(sentinel);
      onTestFinished(async () => void (await close()));
      return client;
    };

    it("runs once, replays, warns of eviction and wakes waiters", PATIENT, async () => {
      const client = await open();
      const warnings: string[] = [];
      const prefix = `${randomUUID()}:`;
      const store = redisStore(client, { prefix, onWarning: ({ code }) => warnings.push(code) });
      const { execute } = createIdempotency({ store });
      expect(await execute("k", "1m", () => "sent")).toMatchObject({ persisted: true, replayed: false });
      expect(await execute("k", "1m", () => "again")).toMatchObject({ value: "sent", replayed: true });
      const listed = [];
      for await (const { key } of store.list!({ prefix: "", status: "completed" })) listed.push(key);
      expect(listed).toEqual(["k"]);
      await until("warned", () => warnings.length > 0);
      expect(warnings).toEqual(["EVICTING_POLICY"]);
      expect(typeof store.settled).toBe(hints ? "function" : "undefined");
      if (!hints) return;
      await store.claim("waited", { token: "a", ...TIMES });
      const { signal } = new AbortController();
      await store.settled!("waited", signal);
      const woken = store.settled!("waited", signal);
      await store.release("waited", "a");
      await woken;
      await until("nobody is subscribed", async () => {
        const [, subscribed] = (await probe.pubsub("NUMSUB", `${prefix}waited`)) as number[];
        return subscribed === 0;
      });
    });

    it("asks for replicas on the connection that claimed", PATIENT, async () => {
      const client = await open();
      const store = redisStore(client, {
        prefix: `${randomUUID()}:`,
        onWarning() {},
        replicas: { count: 1, timeoutMs: 50 },
      });
      const claims = ["a", "b", "c"].map(key => Promise.resolve(store.claim(key, { token: key, ...TIMES })));
      for (const claim of await Promise.allSettled(claims))
        expect(String((claim as PromiseRejectedResult).reason)).toContain(
          "confirm the claim within 50 ms; got 0",
        );
    });
  });
});
