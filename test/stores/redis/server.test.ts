import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import type { RedisStoreOptions } from "../../../src/stores/redis/options.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import type { StoreWarning } from "../../../src/stores/shared/warning.ts";
import { startProxy } from "../../support/proxy.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { until } from "../../support/servers/process.ts";
import { inStep, type RedisServer, startRedis } from "../../support/servers/redis.ts";
import { DEFAULT_CLIENTS } from "./clients.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };
const PATIENT = { timeout: 60_000 };
const IMPATIENT = { storeTimeout: "2s" } as const;

describeWithRedis("a Redis", () => {
  describe.each(["ioredis 6", "node-redis 6"])("by %s", survives);
});

function survives(name: string): void {
  const ends: (() => unknown)[] = [];

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  const start = async (...args: string[]) => {
    const server = await startRedis({ args });
    ends.push(() => server.stop());
    return server;
  };
  const connect = ({ port }: RedisServer) => {
    const redis = new Redis({ port });
    redis.on("error", () => {});
    ends.push(() => redis.disconnect());
    return redis;
  };
  /** What the test asks of the server goes by a client of its own. */
  const open = async (server: RedisServer, options: RedisStoreOptions = {}) => {
    const { client, close } = await DEFAULT_CLIENTS[name]!(server.url);
    ends.push(close);
    const store = redisStore(client, options);
    return { redis: connect(server), store, ...createIdempotency({ store, storeTimeout: "20s" }) };
  };

  it(
    "that is killed and restarted with its log has all records, and learns the scripts anew",
    PATIENT,
    async () => {
      const server = await start("--appendonly", "yes", "--appendfsync", "always");
      const { store, withIdempotency } = await open(server);
      await withIdempotency("completed", "1m", () => "sent");
      await store.claim("held", { token: "a", ...TIMES });
      await server.kill();
      await server.restart();
      expect(await withIdempotency("completed", "1m", () => "again")).toBe("sent");
      expect(await store.claim("held", { token: "b", ...TIMES })).toMatchObject({ status: "in-progress" });
      expect(await store.complete("held", "a", "sent", 60_000)).toBe(true);
    },
  );

  it(
    "that is flushed in mid-run gives the caller its value, and takes the late completion from nobody",
    PATIENT,
    async () => {
      const { redis, execute } = await open(await start());
      const outcome = await execute("k", "1m", async () => {
        await redis.flushall();
        return "sent";
      });
      expect(outcome).toMatchObject({ value: "sent", persisted: false });
    },
  );

  it("that forgets its scripts gets them again", PATIENT, async () => {
    const { redis, withIdempotency } = await open(await start());
    for (const key of ["a", "b"]) {
      await redis.script("FLUSH");
      expect(await withIdempotency(key, "1m", () => "sent")).toBe("sent");
    }
  });

  it("takes two round trips for a first call and one for a replay", PATIENT, async () => {
    const { redis, withIdempotency } = await open(await start());
    await withIdempotency("warm", "1m", () => 1);
    const calls = async () => {
      const stats = await redis.info("commandstats");
      return Object.fromEntries(
        [...stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(m => [m[1], Number(m[2])]),
      );
    };
    const counted = async (act: () => Promise<unknown>) => {
      await redis.config("RESETSTAT");
      await act();
      // The test's own.
      const { config, ...others } = await calls();
      return others;
    };
    // What a script calls counts, too: the one that completes has a SET of its own.
    const first = { set: 2, evalsha: 1, get: 1, publish: 1 };
    expect(await counted(() => withIdempotency("k", "1m", () => 1))).toEqual(first);
    expect(await counted(() => withIdempotency("k", "1m", () => 1))).toEqual({ set: 1 });
  });

  describe("with little memory", () => {
    const LIMIT = ["--maxmemory", "4mb"];
    const fill = async (redis: Redis) => {
      for (let n = 0; n < 100; n += 1) await redis.set(`filler-${n}`, "x".repeat(100_000), "PX", 60_000);
    };

    it.each(["allkeys-lru", "volatile-ttl"])("and %s is warned of once", PATIENT, async policy => {
      const warnings: StoreWarning[] = [];
      const server = await start(...LIMIT, "--maxmemory-policy", policy);
      const { withIdempotency } = await open(server, { onWarning: warning => warnings.push(warning) });
      for (const key of ["a", "b"]) await withIdempotency(key, "1m", () => 1);
      await until("warned", () => warnings.length > 0);
      expect(warnings).toEqual([{ code: "EVICTING_POLICY", message: expect.stringContaining(policy) }]);
    });

    it("and noeviction is not", PATIENT, async () => {
      const warnings: StoreWarning[] = [];
      const { store, withIdempotency } = await open(await start(...LIMIT), {
        onWarning: warning => warnings.push(warning),
      });
      await withIdempotency("a", "1m", () => 1);
      // By the client that asks for the policy, and after it has.
      await store.read("a");
      expect(warnings).toEqual([]);
    });

    it(
      "and an evicting policy may lose a claim: its holder learns it, and nobody else",
      PATIENT,
      async () => {
        const server = await start(...LIMIT, "--maxmemory-policy", "allkeys-random");
        const { redis, execute } = await open(server, { onWarning: () => {} });
        const outcome = await execute("k", "1m", async () => {
          await until("evicted", async () => {
            await fill(redis);
            return (await redis.exists("idempotency:k")) === 0;
          });
          return "sent";
        });
        expect(outcome).toMatchObject({ value: "sent", persisted: false });
      },
    );

    it("and noeviction fails closed, while what is claimed is completed, and replayed", PATIENT, async () => {
      const { redis, store, withIdempotency } = await open(await start(...LIMIT));
      for (const key of ["completed", "released", "settled"])
        await store.claim(key, { token: "a", ...TIMES });
      await store.renew("settled", "a", 0);
      await expect(fill(redis)).rejects.toThrow("OOM");
      // What was refused has freed its buffers since.
      await redis.config("SET", "maxmemory", "1mb");
      const call = withIdempotency("new", "1m", () => expect.fail("ran"));
      await expect(call).rejects.toMatchObject({ code: "STORE_ERROR" });
      expect(await store.complete("completed", "a", "x".repeat(10_000), 60_000)).toBe(true);
      const replay = await store.claim("completed", { token: "b", ...TIMES });
      expect(replay).toMatchObject({ status: "completed", outcome: "x".repeat(10_000) });
      expect(await store.release("released", "a")).toBe(true);
      expect(await store.settle("settled", "found", 60_000)).toBe(true);
    });
  });

  it("that is stopped fails closed, and goes on when it is resumed", PATIENT, async () => {
    const server = await start();
    const { withIdempotency } = await open(server);
    await withIdempotency("warm", "1m", () => 1);
    server.pause();
    const refused = withIdempotency("k", "1m", () => expect.fail("ran"), IMPATIENT);
    await expect(refused).rejects.toMatchObject({ code: "STORE_ERROR" });
    server.resume();
    expect(await withIdempotency("k", "1m", () => "sent")).toBe("sent");
  });

  // ioredis holds calls back until it has.
  if (name.startsWith("node-redis"))
    it("that still reads its log fails closed", PATIENT, async () => {
      const server = await start("--appendonly", "yes", "--key-load-delay", "500");
      const { redis, withIdempotency } = await open(server);
      await withIdempotency("completed", "1m", () => "sent");
      // Takes half a minute to read, unless it is told to hurry.
      await redis.eval("for n = 1, 60000 do redis.call('SET', 'filler-' .. n, '') end", 0);
      await server.kill();
      const restarted = server.restart();
      const hasty = new Redis({ port: server.port, enableReadyCheck: false });
      hasty.on("error", () => {});
      ends.push(() => hasty.disconnect());
      await until("it reads its log", async () => (await hasty.info("persistence")).includes("loading:1"));
      const call = () => withIdempotency("completed", "1m", () => expect.fail("ran"));
      await expect(call()).rejects.toMatchObject({
        code: "STORE_ERROR",
        message: expect.stringContaining("LOADING"),
      });
      await hasty.config("SET", "key-load-delay", 0);
      await restarted;
      expect(await call()).toBe("sent");
    });

  it("that is a replica fails closed, and replays what it has", PATIENT, async () => {
    const [primary, replica] = await Promise.all([start(), start()]);
    await (await open(primary)).withIdempotency("completed", "1m", () => "sent");
    const { redis, withIdempotency } = await open(replica);
    await redis.replicaof("127.0.0.1", primary.port);
    await until("replicated", async () => (await redis.exists("idempotency:completed")) === 1);
    expect(await withIdempotency("completed", "1m", () => expect.fail("ran"))).toBe("sent");
    await expect(withIdempotency("k", "1m", () => expect.fail("ran"))).rejects.toThrow("READONLY");
  });

  describe("that fails over before it replicates", () => {
    const pair = async () => {
      const [primary, replica] = await Promise.all([start("--repl-diskless-sync-delay", "0"), start()]);
      const standby = await open(replica);
      const proxy = await startProxy(primary);
      ends.push(() => proxy.stop());
      await standby.redis.replicaof("127.0.0.1", proxy.port);
      await inStep(primary);
      return { primary, replica, proxy, standby };
    };

    it("has forgotten a claim: nothing asked a replica", PATIENT, async () => {
      const { primary, proxy, standby } = await pair();
      const { store } = await open(primary);
      proxy.blackHole(true);
      expect(await store.claim("k", { token: "a", ...TIMES })).toMatchObject({ status: "claimed" });
      await primary.kill();
      await standby.redis.replicaof("NO", "ONE");
      expect(await standby.store.claim("k", { token: "b", ...TIMES })).toMatchObject({ status: "claimed" });
    });

    it("never had a claim, where replicas have to confirm it", PATIENT, async () => {
      const { primary, replica, standby } = await pair();
      const { execute, store } = await open(primary, { replicas: { count: 1, timeoutMs: 9_000 } });
      const hasty = await open(primary, { replicas: { count: 1, timeoutMs: 300 } });
      expect(await execute("before", "1m", () => "sent")).toMatchObject({ value: "sent", attempt: 1 });
      replica.pause();
      const refused = hasty.execute("k", "1m", () => expect.fail("ran"));
      await expect(refused).rejects.toThrow("expected 1 to confirm the claim within 300 ms; got 0");
      // Nobody holds the key any more: it can be claimed as soon as a replica is there.
      await until("released", async () => (await store.read("k"))?.status === "released");
      replica.resume();
      expect(await execute("k", "1m", () => "sent")).toMatchObject({ value: "sent" });
      await primary.kill();
      await standby.redis.replicaof("NO", "ONE");
      expect(await standby.store.claim("before", { token: "b", ...TIMES })).not.toMatchObject({
        status: "claimed",
      });
      expect(await standby.store.claim("k", { token: "b", ...TIMES })).not.toMatchObject({
        status: "claimed",
      });
    });
  });
}
