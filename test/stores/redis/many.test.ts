import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { ClaimResult, Each, IdempotencyStore } from "../../../src/contract/store.ts";
import type { RedisStoreOptions } from "../../../src/stores/redis/options.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { startProxy } from "../../support/proxy.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { inStep, type RedisServer, startRedis } from "../../support/servers/redis.ts";
import { CLIENTS, type Connected, countWrites, DEFAULT_CLIENTS } from "./clients.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };
const PATIENT = { timeout: 60_000 };
const FIRST = { status: "claimed", attempt: 1, takeover: false };

/** The operations on many keys, each key held by a token of its own. */
function batch(store: IdempotencyStore, keys: readonly string[]) {
  const token = (key: string) => `token-${key}`;
  return {
    claim: () => store.claimMany!(keys.map(key => ({ key, request: { token: token(key), ...TIMES } }))),
    renew: (leaseMs = 30_000) => store.renewMany!(keys.map(key => ({ key, token: token(key), leaseMs }))),
    complete: (outcome = "sent") =>
      store.completeMany!(keys.map(key => ({ key, token: token(key), outcome, ttlMs: 60_000 }))),
    release: () => store.releaseMany!(keys.map(key => ({ key, token: token(key) }))),
    /** By somebody else. */
    replay: () => store.claimMany!(keys.map(key => ({ key, request: { token: `other-${key}`, ...TIMES } }))),
  };
}

const keysOf = (count: number) => Array.from({ length: count }, (_, n) => `k${n}`);
const all = <T>(count: number, value: T) => Array.from({ length: count }, () => value);

/** How often the server was asked what, the calls of its scripts included. */
async function counted(redis: Redis, act: () => unknown): Promise<Record<string, number>> {
  await redis.config("RESETSTAT");
  await act();
  const stats = await redis.info("commandstats");
  const calls = [...stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, n]) => [name, Number(n)]);
  return Object.fromEntries(calls);
}

describeWithRedis("many keys of a store in Redis", url => {
  describe.each(Object.entries(CLIENTS))("by %s", (name, connect) => {
    let connected: Connected;
    let near: Redis;
    let prefix: string;
    let store: IdempotencyStore;

    beforeEach(async () => {
      connected = await connect(url);
      near = new Redis(url, name.includes("keyPrefix") ? { keyPrefix: "app:" } : {});
      prefix = `${randomUUID()}:`;
      store = redisStore(connected.client, { prefix });
    });
    afterEach(async () => {
      await connected.close();
      near.disconnect();
    });

    it("go through all their states", async () => {
      const keys = keysOf(250);
      const { claim, renew, complete, release, replay } = batch(store, keys);
      const first = keys.map(key => ({ ...FIRST, runId: `token-${key}`, fingerprint: undefined }));
      expect(await claim()).toEqual(first);
      // S2: a claim that is sent again is the same one.
      expect(await claim()).toMatchObject(first);
      expect(await replay()).toMatchObject(all(250, { status: "in-progress", attempt: 1 }));
      expect(await renew()).toEqual(all(250, true));
      expect(await release()).toEqual(all(250, true));
      expect(await claim()).toMatchObject(all(250, { status: "claimed", attempt: 2 }));
      expect(await complete("sent €")).toEqual(all(250, true));
      expect(await replay()).toMatchObject(all(250, { status: "completed", outcome: "sent €" }));
      expect(await near.exists(`${prefix}k249`)).toBe(1);
    });

    it("cost one whose record is of another type nothing but that one", async () => {
      const keys = keysOf(300);
      const { claim, renew, complete, release, replay } = batch(store, keys);
      await near.hset(`${prefix}k150`, "field", "value");
      const others = <T>(answers: readonly Each<T>[]) => {
        expect(answers).toHaveLength(300);
        expect(answers[150]).toMatchObject({ code: "RESULT_UNAVAILABLE" });
        expect((answers[150] as Error).message).toContain("it is no string");
        return new Set(
          answers
            .toSpliced(150, 1)
            .map(answer => (typeof answer === "object" ? (answer as unknown as ClaimResult).status : answer)),
        );
      };
      expect(others(await claim())).toEqual(new Set(["claimed"]));
      expect(others(await renew())).toEqual(new Set([true]));
      expect(others(await release())).toEqual(new Set([true]));
      expect(others(await claim())).toEqual(new Set(["claimed"]));
      expect(others(await complete())).toEqual(new Set([true]));
      expect(others(await replay())).toEqual(new Set(["completed"]));
    });

    it("take nothing for one another's", async () => {
      await store.claim("held", { token: "a", ...TIMES });
      const both = ["held", "absent"].map(key => ({ key, token: "a" }));
      expect(await store.renewMany!(both.map(item => ({ ...item, leaseMs: 30_000 })))).toEqual([true, false]);
      expect(
        await store.completeMany!(both.map(item => ({ ...item, outcome: "sent", ttlMs: 60_000 }))),
      ).toEqual([true, false]);
      expect(await store.read("absent")).toBeUndefined();
    });

    it("are taken over within a time by the server's clock", async () => {
      const claim = (token: string) =>
        store.claimMany!([
          { key: "young", request: { token, rerunWithinMs: 60_000, ...TIMES } },
          { key: "plain", request: { token, ...TIMES } },
        ]);
      expect(await claim("a")).toMatchObject([FIRST, FIRST]);
      const held = ["young", "plain"].map(key => ({ key, token: "a", leaseMs: 0 }));
      expect(await store.renewMany!(held)).toEqual([true, true]);
      expect(await claim("b")).toMatchObject([
        { status: "claimed", attempt: 2, takeover: true },
        { status: "uncertain" },
      ]);
    });

    it("go on with a server that forgot its scripts", async () => {
      const { claim, complete, replay } = batch(store, keysOf(250));
      for (const act of [claim, complete, replay]) {
        await near.script("FLUSH");
        for (const answer of await act()) expect(answer).not.toBeInstanceOf(Error);
      }
    });

    it("may have replies as long as they like, a MiB and a half of them in one script", async () => {
      const keys = keysOf(7);
      const { claim, complete, replay } = batch(store, keys);
      const outcome = "€".repeat(200_000);
      await claim();
      await complete(outcome);
      expect(await replay()).toMatchObject(all(7, { status: "completed", outcome }));
    });

    it("replay a result whose expiry was taken away, as one alone does", async () => {
      const { claim, complete, replay } = batch(store, ["k"]);
      await claim();
      await complete();
      await near.persist(`${prefix}k`);
      expect(await replay()).toMatchObject([{ status: "completed", outcome: "sent" }]);
    });

    if (!name.includes("5"))
      it("wake those who wait for them", async () => {
        const { claim, complete } = batch(store, ["a", "b"]);
        await claim();
        const other = redisStore(near, { prefix });
        const { signal } = new AbortController();
        // First each is told that its subscription stands.
        await Promise.all(["a", "b"].map(key => other.settled!(key, signal)));
        const woken = ["a", "b"].map(key => other.settled!(key, signal));
        await complete();
        await Promise.all(woken);
      });
  });

  describe.each(Object.entries(DEFAULT_CLIENTS))("whose reply is lost, by %s", (name, connect) => {
    it("are claimed again with the same tokens", PATIENT, async () => {
      const proxy = await startProxy({ host: "127.0.0.1", port: Number(new URL(url).port) });
      const { client, close } = await connect(`redis://127.0.0.1:${proxy.port}`);
      onTestFinished(async () => {
        await close();
        await proxy.stop();
      });
      const store = redisStore(client, { prefix: `${randomUUID()}:` });
      // The server knows the scripts.
      await batch(store, ["warm"]).claim();
      await batch(store, ["warm"]).complete();
      const { claim, complete } = batch(store, keysOf(300));
      for (const [act, answer] of [
        [claim, FIRST],
        [complete, true],
      ] as const) {
        const cut = proxy.cutBeforeReply(request => /evalsha/i.test(request.toString("latin1")));
        const answers = act();
        await cut;
        // ioredis sends them again by itself.
        const isResent = name.startsWith("ioredis");
        for (const each of await answers)
          isResent ? expect(each).toEqual(expect.anything()) : expect(each).toBeInstanceOf(Error);
        const again = await act();
        if (answer === true) expect(again).toEqual(all(300, true));
        else expect(again).toMatchObject(all(300, answer));
      }
    });
  });

  describe("on a server of their own", () => {
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
    const open = async (
      name: string,
      server: RedisServer,
      url = server.url,
      options: RedisStoreOptions = {},
    ) => {
      const { client, close } = await CLIENTS[name]!(url);
      ends.push(close);
      return {
        client,
        redis: connect(server),
        store: redisStore(client, { prefix: "p:", onWarning() {}, ...options }),
      };
    };

    describe.each(["ioredis 6", "node-redis 6"])("by %s", name => {
      it("take a script for each hundred, or for each MiB", PATIENT, async () => {
        const { redis, store } = await open(name, await start());
        const warm = batch(store, ["warm"]);
        await warm.claim();
        await warm.complete();
        const { claim, complete, replay } = batch(store, keysOf(250));
        expect(await counted(redis, claim)).toMatchObject({ evalsha: 3, get: 250, set: 250 });
        expect(await counted(redis, () => complete())).toMatchObject({
          evalsha: 3,
          get: 250,
          set: 250,
          publish: 250,
        });
        expect(await counted(redis, replay)).toMatchObject({ evalsha: 3, get: 250 });
        const large = batch(
          store,
          keysOf(5).map(key => `large-${key}`),
        );
        await large.claim();
        expect(await counted(redis, () => large.complete("x".repeat(600_000)))).toMatchObject({ evalsha: 5 });
        // Of which each tells two.
        expect(await counted(redis, large.replay)).toMatchObject({ evalsha: 3, get: 5 });
      });

      it(
        "fail closed when it is full, each by itself, while what is claimed can be ended",
        PATIENT,
        async () => {
          const { redis, store } = await open(name, await start("--maxmemory", "8mb"));
          const [completed, released] = [["completed"], ["released"]].map(keys => batch(store, keys));
          const { claim } = batch(store, keysOf(150));
          await completed!.claim();
          await completed!.complete();
          await released!.claim();
          const held = batch(
            store,
            keysOf(150).map(key => `held-${key}`),
          );
          await held.claim();
          await redis.config("SET", "maxmemory", "1mb");
          for (const answer of await claim()) expect(String(answer)).toContain("OOM");
          const replayed = await store.claimMany!(
            ["k0", "completed", "k1"].map(key => ({ key, request: { token: "b", ...TIMES } })),
          );
          expect(replayed[1]).toMatchObject({ status: "completed", outcome: "sent" });
          for (const n of [0, 2]) expect(replayed[n]).toBeInstanceOf(Error);
          expect(await held.complete("x".repeat(1_000))).toEqual(all(150, true));
          expect(await released!.release()).toEqual([true]);
        },
      );

      it(
        "are told one by one to a user who may not run scripts, or has rights to some of them",
        PATIENT,
        async () => {
          const server = await start();
          const admin = connect(server);
          const as = async (...rights: string[]) => {
            await admin.call("ACL", "SETUSER", "user", "reset", "on", ">pw", ...rights);
            const { store } = await open(name, server, `redis://user:pw@127.0.0.1:${server.port}`);
            return store;
          };
          const scriptless = await as("~*", "&*", "+@all", "-eval", "-evalsha");
          for (const answer of await batch(scriptless, keysOf(150)).claim())
            expect(String(answer)).toContain("needs the rights +evalsha +eval");
          const limited = batch(await as("~p:k1*", "&*", "+@all"), keysOf(150));
          const isAllowed = (n: number) => `${n}`.startsWith("1");
          for (const [n, answer] of (await limited.claim()).entries()) {
            if (isAllowed(n)) expect(answer).toMatchObject(FIRST);
            else expect(String(answer)).toContain("that begin with its prefix");
          }
          for (const [n, answer] of (await limited.complete()).entries())
            isAllowed(n) ? expect(answer).toBe(true) : expect(answer).toBeInstanceOf(Error);
        },
      );

      it("are confirmed by replicas together", PATIENT, async () => {
        const [primary, replica] = await Promise.all([start("--repl-diskless-sync-delay", "0"), start()]);
        await connect(replica).replicaof("127.0.0.1", primary.port);
        await inStep(primary);
        const withReplica = (timeoutMs: number) =>
          open(name, primary, primary.url, { replicas: { count: 1, timeoutMs } });
        const { redis, store } = await withReplica(10_000);
        const { store: impatient } = await withReplica(300);
        const { claim, complete } = batch(store, keysOf(250));
        let answers: unknown;
        expect(
          await counted(redis, async () => {
            answers = await claim();
          }),
        ).toMatchObject({ wait: 1 });
        expect(answers).toMatchObject(all(250, FIRST));
        await complete();
        replica.pause();
        const mixed = await batch(impatient, ["k0", "new", "k1"]).replay();
        replica.resume();
        expect(mixed.map(answer => (answer instanceof Error ? answer.message : answer.status))).toEqual([
          "completed",
          expect.stringContaining("expected 1 to confirm the claim"),
          "completed",
        ]);
        expect(await counted(redis, () => batch(store, keysOf(250)).replay())).not.toHaveProperty("wait");
      });
    });

    it.each(["ioredis 6", "ioredis 5", "iovalkey"])("go out in one write by %s", PATIENT, async name => {
      const { client, store } = await open(name, await start());
      const { claim, complete } = batch(store, keysOf(500));
      const warm = batch(store, ["warm"]);
      await warm.claim();
      await warm.complete();
      const writes = countWrites(client);
      await claim();
      expect(writes.count).toBe(1);
      await complete();
      expect(writes.count).toBe(2);
    });
  });
});
