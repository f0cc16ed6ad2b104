import { randomUUID } from "node:crypto";
import { Cluster, Redis } from "ioredis";
import type { Cluster as Cluster5, Redis as Ioredis5 } from "ioredis5";
import type { Redis as Valkey } from "iovalkey";
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from "redis";
import { createClient as createClient5, createCluster as createCluster5 } from "redis5";
import { describe, expect, it, onTestFinished } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import type { RedisClient } from "../../../src/stores/redis/client.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { caught } from "../../support/caught.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";

const client = () => new Redis({ lazyConnect: true });

describe("a redisStore's client", () => {
  it("is of any of the types", () => {
    const take = (_: RedisClient) => {};
    // Never called: the compiler is what tests it, and `ReturnType` of such functions takes it seconds.
    const each = (ioredis: Redis | Cluster | Ioredis5 | Cluster5 | Valkey) => {
      take(ioredis);
      take(createClient());
      take(createCluster({ rootNodes: [] }));
      take(createClientPool());
      take(createSentinel({ name: "main", sentinelRootNodes: [] }));
      take(createClient5());
      take(createCluster5({ rootNodes: [] }));
    };
    expect(each).toBeTypeOf("function");
    // @ts-expect-error a client of something else
    take({ get: async (key: string) => key });
    // @ts-expect-error no client at all
    take(new Map<string, string>());
  });
});

/** A client whose `send` is given each command before it goes out. */
function observed(
  options: { host?: string; port?: number; lazyConnect?: boolean },
  send: (name: string) => void,
) {
  const redis = new (class extends Redis {
    override sendCommand(...args: Parameters<Redis["sendCommand"]>) {
      send(args[0].name);
      return super.sendCommand(...args);
    }
  })(options);
  onTestFinished(() => redis.disconnect());
  return redis;
}

it("rejects where a client throws at once, and does not throw itself", async () => {
  const client = observed({ lazyConnect: true }, () => {
    throw new Error("not connected");
  });
  const store = redisStore(client);
  const operations = {
    claim: () => store.claim("k", { token: "a", ttlMs: 1_000, leaseMs: 1_000 }),
    complete: () => store.complete("k", "a", "sent", 1_000),
    read: () => store.read("k"),
  };
  for (const [name, act] of Object.entries(operations))
    await expect(act(), name).rejects.toThrow("not connected");
});

describe("redisStore refuses", () => {
  it.each([
    [{ prefix: 1 }, "prefix"],
    [{ prefix: "\ud800" }, "prefix"],
    [{ onWarning: "log" }, "onWarning"],
    [{ replicas: 1 }, "replicas"],
    [{ replicas: { count: 0, timeoutMs: 100 } }, "replicas"],
    [{ replicas: { count: 1 } }, "replicas"],
    [{ replicas: { count: 1, timeoutMs: 0 } }, "replicas"],
    [{ replicas: { count: 1, timeoutMs: 0.5 } }, "replicas"],
    [{ ttl: "1h" }, "redisStore options"],
    [null, "redisStore options"],
  ])("%j", (options, name) => {
    const { message } = caught(() => redisStore(client(), options as never), "INVALID_OPTION");
    expect(message.startsWith(`${name}: expected `)).toBe(true);
  });

  it("replicas with the client of a cluster", () => {
    const replicas = { count: 1, timeoutMs: 100 };
    const clusters = [
      new Cluster([{ port: 1 }], { lazyConnect: true }),
      createCluster({ rootNodes: [{ url: "redis://127.0.0.1:1" }] }),
    ];
    for (const cluster of clusters) {
      expect(caught(() => redisStore(cluster, { replicas }), "INVALID_OPTION").message).toContain(
        "replicas: ",
      );
    }
  });
});

describeWithRedis("a redisStore", url => {
  const request = { token: "a", ttlMs: 60_000, leaseMs: 30_000 };

  it("works with a pool, and with a client that gives texts as buffers", async () => {
    const pool = createClientPool({ url });
    await pool.connect();
    const plain = await createClient({ url }).connect();
    const buffers = plain.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    const prefix = `${randomUUID()}:`;
    const stores = [redisStore(pool, { prefix }), redisStore(buffers, { prefix })];
    expect(stores.map(store => typeof store.settled)).toEqual(["undefined", "function"]);
    await stores[0]!.claim("k", { ...request, fingerprint: "f" });
    await stores[0]!.complete("k", "a", "sent", 60_000);
    for (const store of stores) {
      expect(await store.claim("k", { ...request, token: "b" })).toMatchObject({
        outcome: "sent",
        fingerprint: "f",
      });
    }
    pool.destroy();
    plain.destroy();
  });

  describe("whose server", () => {
    /** A client whose `SET` fails, and how often it was asked for one. */
    const failing = (message: string) => {
      const asked = { sets: 0, scripts: 0 };
      const { hostname: host, port } = new URL(url);
      const client = observed({ host, port: Number(port) }, name => {
        if (name === "evalsha") asked.scripts += 1;
        if (name !== "set") return;
        asked.sets += 1;
        throw new Error(message);
      });
      return { asked, store: redisStore(client) };
    };

    it.each([
      { when: "knows no SET with NX and GET, as before 7,", message: "ERR syntax error", sets: 1 },
      { when: "takes no writes", message: "READONLY You can't write against a read only replica.", sets: 2 },
    ])("$when is asked by the script", async ({ message, sets }) => {
      const { asked, store } = failing(message);
      const { execute } = createIdempotency({ store });
      const key = randomUUID();
      let runs = 0;
      const fn = () => `run ${++runs}`;
      await expect(execute(key, "1m", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
      const outcome = { value: "run 1", attempt: 2 };
      expect(await execute(key, "1m", fn)).toMatchObject({ ...outcome, replayed: false });
      expect(await execute(key, "1m", fn)).toMatchObject({ ...outcome, replayed: true });
      expect(asked.sets).toBe(sets);
    });

    it("may have claimed and not said so is not asked in another way", async () => {
      const { asked, store } = failing("read ECONNRESET");
      await store.claim(randomUUID(), request);
      const before = { ...asked };
      await expect(store.claim(randomUUID(), request)).rejects.toThrow("read ECONNRESET");
      expect(asked).toEqual({ ...before, sets: 1 });
    });
  });

  it("has its keys apart from those of another prefix and another keyPrefix", async () => {
    const prefix = `${randomUUID()}:`;
    const [plain, prefixed] = [new Redis(url), new Redis(url, { keyPrefix: "app:" })];
    const pool = createClientPool({ url, keyPrefix: "pool:" });
    await pool.connect();
    const stores = [
      redisStore(plain, { prefix }),
      redisStore(plain, { prefix: `${prefix}x:` }),
      redisStore(prefixed, { prefix }),
      redisStore(pool, { prefix }),
    ];
    for (const store of stores) {
      expect(await store.claim("k", request)).toMatchObject({ status: "claimed" });
      expect(await store.complete("k", "a", "sent", 60_000)).toBe(true);
    }
    const keys = await plain.keys(`*${prefix}*`);
    expect(keys.sort()).toEqual([`${prefix}k`, `${prefix}x:|k`, `app:${prefix}k`, `pool:${prefix}k`].sort());
    for (const redis of [plain, prefixed]) redis.disconnect();
    pool.destroy();
  });
});
