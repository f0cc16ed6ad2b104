import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";
import { createCluster } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { deferred } from "../../support/calls.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { until } from "../../support/servers/process.ts";
import type { RedisServer } from "../../support/servers/redis.ts";
import { type RedisCluster, startRedisCluster } from "../../support/servers/redis-cluster.ts";
import { CLUSTER_CLIENTS, type Connected, countWrites } from "./clients.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };
const PATIENT = { timeout: 90_000 };

/** Those clients with a prefix of their own. */
const PREFIXING: typeof CLUSTER_CLIENTS = {
  "ioredis 6's Cluster": async url => {
    const { hostname: host, port } = new URL(url);
    const client = new Cluster([{ host, port: Number(port) }], { keyPrefix: "app:" });
    return { client, close: async () => client.disconnect() };
  },
  "node-redis 6's cluster": async url => {
    const client = await createCluster({ rootNodes: [{ url }], keyPrefix: "app:" }).connect();
    return { client, close: async () => client.destroy() };
  },
};

/** A master, and what is asked of it alone. */
interface Node {
  server: RedisServer;
  redis: Redis;
}

describeWithRedis("a cluster of three masters", () => {
  let cluster: RedisCluster;
  let nodes: Node[];

  beforeAll(async () => {
    cluster = await startRedisCluster();
    nodes = cluster.nodes.map(server => {
      const redis = new Redis(server.url);
      redis.on("error", () => {});
      return { server, redis };
    });
  }, PATIENT.timeout);

  afterAll(async () => {
    for (const { redis } of nodes) redis.disconnect();
    await cluster.stop();
  });

  const some = async (holds: (node: Node) => Promise<boolean>) => {
    const answers = await Promise.all(nodes.map(holds));
    return nodes[answers.indexOf(true)];
  };
  // Any other says MOVED.
  const owns = (key: string) => async (node: Node) =>
    node.redis.exists(key).then(
      () => true,
      () => false,
    );

  it.each(Object.entries(PREFIXING))("keeps to the keyPrefix of %s", PATIENT, async (_name, connect) => {
    const { client, close } = await connect(cluster.nodes[0]!.url);
    onTestFinished(async () => void (await close()));
    const key = randomUUID();
    const { execute } = createIdempotency({ store: redisStore(client) });
    expect(await execute(key, "1m", () => "sent")).toMatchObject({ persisted: true, replayed: false });
    expect(await execute(key, "1m", () => expect.fail("ran"))).toMatchObject({ replayed: true });
    expect(await some(owns(`app:idempotency:${key}`))).toBeDefined();
    const found = await Promise.all(nodes.map(({ redis }) => redis.keys(`*${key}`)));
    expect(found.flat()).toEqual([`app:idempotency:${key}`]);
    const listed: unknown[] = [];
    for await (const each of redisStore(client).list!({ prefix: key, status: "completed" }))
      listed.push(each.key);
    expect(listed).toEqual([key]);
  });

  // B6
  it("gets many keys in one write for each from ioredis", PATIENT, async () => {
    const { client, close } = await CLUSTER_CLIENTS["ioredis 6's Cluster"]!(cluster.nodes[0]!.url);
    onTestFinished(async () => void (await close()));
    const store = redisStore(client, { prefix: `${randomUUID()}:` });
    const batch = (name: string) => {
      const keys = Array.from({ length: 300 }, (_, n) => `${name}${n}`);
      return {
        claim: () => store.claimMany!(keys.map(key => ({ key, request: { token: "a", ...TIMES } }))),
        complete: () =>
          store.completeMany!(keys.map(key => ({ key, token: "a", outcome: "sent", ttlMs: 60_000 }))),
      };
    };
    const warm = batch("warm");
    await warm.claim();
    await warm.complete();
    const writes = (client as Cluster).nodes("master").map(countWrites);
    const { claim, complete } = batch("k");
    await claim();
    expect(writes).toEqual([{ count: 1 }, { count: 1 }, { count: 1 }]);
    await complete();
    expect(writes).toEqual([{ count: 2 }, { count: 2 }, { count: 2 }]);
  });

  // B6
  it("takes each of many keys by itself from a client that knows one of them only", PATIENT, async () => {
    const { redis } = nodes[0]!;
    const prefix = `${randomUUID()}:`;
    const store = redisStore(redis, { prefix });
    const all = Array.from({ length: 90 }, (_, n) => `k${n}`);
    const isOwn = await Promise.all(all.map(key => owns(prefix + key)(nodes[0]!)));
    const keys = all.filter((_, n) => isOwn[n]);
    expect(keys.length).toBeGreaterThan(1);
    const claims = (token: string, of: string[]) =>
      store.claimMany!(of.map(key => ({ key, request: { token, ...TIMES } })));
    await redis.config("RESETSTAT");
    expect(await claims("a", keys)).toMatchObject(keys.map(() => ({ status: "claimed", attempt: 1 })));
    expect(await claims("b", keys)).toMatchObject(keys.map(() => ({ status: "in-progress" })));
    // What it has learnt it does not ask again.
    expect(await redis.info("errorstats")).toContain("errorstat_CROSSSLOT:count=1");
    for (const [n, answer] of (await claims("b", all)).entries())
      expect(answer instanceof Error).toBe(!isOwn[n]);
  });

  describe.each(Object.entries(CLUSTER_CLIENTS))("by %s", (_name, connect) => {
    let prefix: string;
    let opened: Connected[];

    beforeEach(() => {
      prefix = `${randomUUID()}:`;
      opened = [];
    });
    afterEach(() => Promise.all(opened.map(({ close }) => close())));

    /** A process of its own, as far as the store goes. */
    const open = async () => {
      const connected = await connect(cluster.nodes[0]!.url);
      opened.push(connected);
      const store = redisStore(connected.client, { prefix });
      return { store, ...createIdempotency({ store, storeTimeout: "20s", waitTimeout: "1m" }) };
    };
    const ownerOf = async (key: string) => (await some(owns(prefix + key)))!;
    /** A key of each master, in their order. */
    const keyOfEach = async (name = "k") => {
      const keys = new Map<Node, string>();
      for (let n = 0; keys.size < nodes.length; n += 1) {
        const owner = await ownerOf(`${name}${n}`);
        if (!keys.has(owner)) keys.set(owner, `${name}${n}`);
      }
      return nodes.map(node => keys.get(node)!) as [string, string, string];
    };

    it("has its keys on all of them, each held once", PATIENT, async () => {
      const [one, other] = await Promise.all([open(), open()]);
      const keys = Array.from({ length: 60 }, (_, n) => `k${n}`);
      const claims = (store: typeof one.store, token: string) =>
        Promise.all(keys.map(async key => (await store.claim(key, { token, ...TIMES })).status));
      expect(new Set(await claims(one.store, "a"))).toEqual(new Set(["claimed"]));
      expect(new Set(await claims(other.store, "b"))).toEqual(new Set(["in-progress"]));
      const counts = await Promise.all(
        nodes.map(async ({ redis }) => (await redis.keys(`${prefix}*`)).length),
      );
      expect(counts.reduce((sum, count) => sum + count)).toBe(60);
      expect(Math.min(...counts)).toBeGreaterThan(0);
      const listed: string[] = [];
      for await (const { key } of one.store.list!({ prefix: "", status: "in-progress" })) listed.push(key);
      expect(listed.sort()).toEqual([...keys].sort());
    });

    // B6
    it("has many keys at once on all of them", PATIENT, async () => {
      const { store } = await open();
      const keys = Array.from({ length: 500 }, (_, n) => `k${n}`);
      const claims = (token: string) => keys.map(key => ({ key, request: { token, ...TIMES } }));
      const holds = keys.map(key => ({ key, token: "a", outcome: "sent", ttlMs: 60_000, leaseMs: 30_000 }));
      const each = <T>(value: T) => keys.map(() => value);
      expect(await store.claimMany!(claims("a"))).toMatchObject(each({ status: "claimed", attempt: 1 }));
      expect(await store.claimMany!(claims("b"))).toMatchObject(each({ status: "in-progress" }));
      expect(await store.renewMany!(holds)).toEqual(each(true));
      expect(await store.releaseMany!(holds)).toEqual(each(true));
      expect(await store.claimMany!(claims("a"))).toMatchObject(each({ status: "claimed", attempt: 2 }));
      expect(await store.completeMany!(holds)).toEqual(each(true));
      expect(await store.claimMany!(claims("b"))).toMatchObject(
        each({ status: "completed", outcome: "sent" }),
      );
    });

    /** A slot on its way from the master that has it to another. */
    const migration = async (key: string) => {
      const source = await ownerOf(key);
      const target = nodes.find(node => node !== source)!;
      const slot = Number(await source.redis.cluster("KEYSLOT", prefix + key));
      const [sourceId, targetId] = await Promise.all(
        [source, target].map(async ({ redis }) => String(await redis.cluster("MYID"))),
      );
      const keysOf = async ({ redis }: Node) =>
        (await redis.cluster("GETKEYSINSLOT", slot, 1_000)) as string[];
      return {
        source,
        target,
        keysOf,
        async begin() {
          await target.redis.cluster("SETSLOT", slot, "IMPORTING", sourceId!);
          await source.redis.cluster("SETSLOT", slot, "MIGRATING", targetId!);
        },
        async moveKeys() {
          const { host, port } = target.server;
          for (const name of await keysOf(source)) await source.redis.migrate(host, port, name, 0, 20_000);
        },
        async end() {
          for (const { redis } of [target, source]) await redis.cluster("SETSLOT", slot, "NODE", targetId!);
        },
      };
    };
    const errorsOf = async ({ redis }: Node) => redis.info("errorstats");

    it(
      "keeps a claim whose slot moves from one to another, and whose holder completes it there",
      PATIENT,
      async () => {
        const [one, other] = await Promise.all([open(), open()]);
        const move = await migration("k");
        const { source, target } = move;
        const heldUp = deferred<string>();
        const running = deferred<void>();
        const first = one.execute("k", "1m", () => {
          running.resolve();
          return heldUp.promise;
        });
        await running.promise;
        const refused = () =>
          expect(
            other.execute("k", "1m", () => expect.fail("ran"), { onConflict: "reject" }),
          ).rejects.toMatchObject({
            code: "IN_PROGRESS",
          });
        for (const { redis } of nodes) {
          await redis.script("FLUSH");
          await redis.config("RESETSTAT");
        }
        await move.begin();
        await refused();
        await move.moveKeys();
        // Other tests' keys may be in that slot, too.
        const ownOf = async (node: Node) => (await move.keysOf(node)).filter(key => key.startsWith(prefix));
        expect(await ownOf(source)).toEqual([]);
        expect(await ownOf(target)).toEqual([`${prefix}k`]);
        await refused();
        expect(await errorsOf(source)).toContain("errorstat_ASK:");
        await move.end();
        await refused();
        expect(await errorsOf(source)).toContain("errorstat_MOVED:");
        heldUp.resolve("sent");
        expect(await first).toMatchObject({ value: "sent", persisted: true });
        for (const { execute } of [one, other])
          expect(await execute("k", "1m", () => expect.fail("ran"))).toMatchObject({
            value: "sent",
            replayed: true,
          });
      },
    );

    it("runs each key once while its slot moves", PATIENT, async () => {
      const both = await Promise.all([open(), open()]);
      const runs = new Map<string, number>();
      const call =
        (key: string) =>
        async ({ execute }: (typeof both)[number]) =>
          (await execute(key, "1m", () => runs.set(key, (runs.get(key) ?? 0) + 1).get(key))).value;
      // All in one slot.
      const batch = (name: string) => Array.from({ length: 20 }, (_, n) => `{slot}${name}${n}`);
      const calls = (name: string) => batch(name).flatMap(key => both.map(call(key)));
      const move = await migration("{slot}");
      await move.source.redis.config("RESETSTAT");
      const steps = [() => {}, move.begin, move.moveKeys, move.moveKeys, move.end, () => {}];
      const answers: Promise<unknown>[] = [];
      for (const [n, step] of steps.entries()) {
        answers.push(...calls(`before${n}-`));
        const moved = step();
        answers.push(...calls(`during${n}-`));
        await moved;
      }
      await Promise.all(answers);
      // Each once more, now that all of them have moved.
      answers.push(...[...runs.keys()].flatMap(key => both.map(call(key))));
      expect(new Set(await Promise.all(answers))).toEqual(new Set([1]));
      expect(await errorsOf(move.source)).toContain("errorstat_ASK:");
    });

    it("wakes waiters wherever their keys are", PATIENT, async () => {
      const [one, other] = await Promise.all([open(), open()]);
      const keys = await keyOfEach();
      const { signal } = new AbortController();
      for (const key of keys) await one.store.claim(key, { token: "a", ...TIMES });
      // One connection to one master hears of them all; first it tells each that the subscription stands.
      await Promise.all(keys.map(key => other.store.settled!(key, signal)));
      const woken = keys.map(key => other.store.settled!(key, signal));
      for (const key of keys) await one.store.release(key, "a");
      await Promise.all(woken);
    });

    describe("one of which is killed", () => {
      let killed: Node | undefined;

      const kill = async (node: Node) => {
        killed = node;
        await node.server.kill();
      };
      const restart = async () => {
        await killed?.server.restart();
        killed = undefined;
        await cluster.inStep();
      };
      afterEach(restart, PATIENT.timeout);

      it("fails closed for its keys, while the others' go on", PATIENT, async () => {
        const [one, other] = await Promise.all([open(), open()]);
        const [lost, ...kept] = await keyOfEach();
        const [, ...fresh] = await keyOfEach("fresh");
        for (const key of kept) await one.execute(key, "1m", () => "sent");
        await kill(nodes[0]!);
        const refused = other.execute(lost, "1m", () => expect.fail("ran"), { storeTimeout: "2s" });
        await expect(refused).rejects.toMatchObject({ code: "STORE_ERROR" });
        for (const { execute } of [other, one]) {
          for (const key of kept)
            expect(await execute(key, "1m", () => expect.fail("ran"))).toMatchObject({ value: "sent" });
        }
        for (const key of fresh)
          expect(await other.execute(key, "1m", () => "sent")).toMatchObject({ persisted: true });
        // A listing says so too, instead of leaving keys out.
        const listing = async () => {
          for await (const { key } of createIdempotency({ store: one.store, storeTimeout: "2s" }).list({
            state: "completed",
          }))
            expect([...kept, ...fresh]).toContain(key);
        };
        // Whether the client tries to reach the node at that moment or has left it out.
        for (let looks = 0; looks < 4; looks += 1) {
          await expect(listing()).rejects.toMatchObject({ code: "STORE_ERROR" });
          await sleep(250);
        }
      });

      // B6
      it("costs many keys at once those that it has, and no others", PATIENT, async () => {
        const { store } = await open();
        const keys = Array.from({ length: 120 }, (_, n) => `k${n}`);
        const claims = (token: string) =>
          store.claimMany!(keys.map(key => ({ key, request: { token, ...TIMES } })));
        await claims("warm");
        const isLost = await Promise.all(keys.map(async key => (await ownerOf(key)) === nodes[0]));
        expect(isLost).toContain(true);
        await kill(nodes[0]!);
        const answers = await store.renewMany!(keys.map(key => ({ key, token: "warm", leaseMs: 30_000 })));
        for (const [n, answer] of answers.entries())
          isLost[n] ? expect(answer).toBeInstanceOf(Error) : expect(answer).toBe(true);
        for (const [n, answer] of (await claims("other")).entries())
          isLost[n]
            ? expect(answer).toBeInstanceOf(Error)
            : expect(answer).toMatchObject({ status: "in-progress" });
      });

      it(
        "costs its subscribers nothing but time, and wakes them again when it is back",
        PATIENT,
        async () => {
          const [one, other] = await Promise.all([open(), open()]);
          const { signal } = new AbortController();
          await other.store.settled!("elsewhere", signal);
          let isWoken = false;
          const told = other.store.settled!("elsewhere", signal).then(() => {
            isWoken = true;
          });
          const hears = async ({ redis }: Node) => /sub=[1-9]/.test(String(await redis.client("LIST")));
          const heardBy = nodes.indexOf((await some(hears))!);
          const key = (await keyOfEach())[(heardBy + 1) % nodes.length]!;
          const running = deferred<void>();
          const outcome = deferred<string>();
          const first = one.execute(key, "1m", () => {
            running.resolve();
            return outcome.promise;
          });
          await running.promise;
          const waiting = other.execute(key, "1m", () => expect.fail("ran"));
          // By the node that is to be killed, or, of Valkey GLIDE, by the owner of the channel's slot.
          const listeners = async ({ redis }: Node) =>
            Number((await redis.pubsub("NUMSUB", prefix + key))[1]);
          await until("it waits for word", async () => {
            const found = await Promise.all(nodes.map(listeners));
            return found.reduce((sum, each) => sum + each) === 1;
          });
          await kill(nodes[heardBy]!);
          outcome.resolve("sent");
          expect(await first).toMatchObject({ persisted: true });
          expect(await waiting).toMatchObject({ value: "sent", replayed: true });
          await restart();
          // Told again and again, for nobody knows when it has subscribed.
          await until("it is woken", async () => {
            await nodes[heardBy]!.redis.publish(`${prefix}elsewhere`, "");
            return isWoken;
          });
          await told;
        },
      );
    });
  });
});
