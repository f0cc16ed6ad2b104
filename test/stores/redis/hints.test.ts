import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import type { Anything } from "../../../src/stores/redis/client.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { startProxy, type Proxy as TcpProxy } from "../../support/proxy.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { until } from "../../support/servers/process.ts";
import { type RedisServer, startRedis } from "../../support/servers/redis.ts";
import { CLIENTS, type Connected, DEFAULT_CLIENTS } from "./clients.ts";

const PATIENT = { timeout: 30_000 };
const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };

describeWithRedis("a waiter on Redis", () => {
  let server: RedisServer;
  let probe: Redis;
  let opened: Connected[] = [];

  beforeAll(async () => {
    server = await startRedis();
    probe = new Redis(server.url);
  });
  afterEach(async () => {
    await Promise.all(opened.map(({ close }) => close()));
    opened = [];
  });
  afterAll(async () => {
    probe.disconnect();
    await server.stop();
  });

  const connect = async (name: string) => {
    const connected = await CLIENTS[name]!(server.url);
    opened.push(connected);
    return connected.client;
  };
  const subscribers = async () => /sub=[1-9]/g[Symbol.match](String(await probe.client("LIST")))?.length ?? 0;
  const connections = async () =>
    String(await probe.client("LIST"))
      .trim()
      .split("\n").length;

  describe.each(Object.keys(CLIENTS))("by %s", name => {
    it("has one connection for all while somebody waits, and none after", PATIENT, async () => {
      await until("no subscriber is left", async () => (await subscribers()) === 0);
      const store = redisStore(await connect(name), { prefix: `${randomUUID()}:` });
      for (const key of ["a", "b"]) await store.claim(key, { token: key, ...TIMES });
      const before = await connections();
      const abort = new AbortController();
      let woken = 0;
      const told = async (key: string) => {
        await store.settled!(key, abort.signal);
        woken += 1;
      };
      const waiters = ["a", "a", "b"].map(told);
      await Promise.all(waiters);
      // Told once that the subscription stands: what happened before, nobody heard of.
      expect(woken).toBe(3);
      const next = ["a", "a", "b"].map(told);
      await until("one subscriber", async () => (await subscribers()) === 1);
      expect(await connections()).toBe(before + 1);
      await store.complete("a", "a", "sent", 60_000);
      await Promise.all(next.slice(0, 2));
      expect(woken).toBe(5);
      abort.abort();
      await next[2];
      await until("no subscriber", async () => (await subscribers()) === 0);
      await until("no connection", async () => (await connections()) === before);
    });

    it("hears of what happens between two of its waits", PATIENT, async () => {
      const store = redisStore(await connect(name), { prefix: `${randomUUID()}:` });
      await store.claim("k", { token: "a", ...TIMES });
      const { signal } = new AbortController();
      await store.settled!("k", signal);
      await store.release("k", "a");
      await sleep(50);
      const begun = performance.now();
      await store.settled!("k", AbortSignal.timeout(5_000));
      expect(performance.now() - begun).toBeLessThan(1_000);
    });
  });

  describe.each(Object.entries(DEFAULT_CLIENTS))("by %s as it comes", (_name, connect) => {
    let proxy: TcpProxy;

    beforeEach(async () => {
      proxy = await startProxy(server);
    });
    afterEach(() => proxy.stop());

    const open = async () => {
      const connected = await connect(`redis://127.0.0.1:${proxy.port}`);
      opened.push(connected);
      const prefix = `${randomUUID()}:`;
      return { prefix, store: redisStore(connected.client, { prefix }) };
    };

    it("subscribes again after its connection is lost, and lost again meanwhile", PATIENT, async () => {
      const { prefix, store } = await open();
      await redisStore(probe, { prefix }).claim("k", { token: "a", ...TIMES });
      const { signal } = new AbortController();
      await store.settled!("k", signal);
      const waiting = store.settled!("k", signal);
      const cut = proxy.cutBeforeReply(request => /subscribe/i.test(String(request)));
      proxy.cut();
      await cut;
      let isWoken = false;
      void waiting.then(() => {
        isWoken = true;
      });
      // Told again and again, for nobody knows when it has subscribed.
      await until("it is woken", async () => {
        await probe.publish(`${prefix}k`, "");
        return isWoken;
      });
    });

    it("can end while its connection is lost and not yet subscribed again", PATIENT, async () => {
      const { store } = await open();
      const abort = new AbortController();
      await store.settled!("k", abort.signal);
      const waiting = store.settled!("k", abort.signal);
      const isAsked = new Promise<void>(resolve => {
        void proxy.cutBeforeReply(request => {
          if (!/subscribe/i.test(String(request))) return false;
          proxy.blackHole(true);
          resolve();
          return false;
        });
      });
      proxy.cut();
      await isAsked;
      abort.abort();
      await waiting;
      // Longer than the connection lingers; a rejection that nobody handles then fails the run.
      await sleep(1_000);
    });
  });

  it.each(["node-redis 6", "node-redis 5"])(
    "by %s hears of a key again that it was about to leave",
    PATIENT,
    async name => {
      const client = (await connect(name)) as Anything;
      const duplicate = vi.spyOn(client, "duplicate");
      const store = redisStore(client, { prefix: `${randomUUID()}:` });
      await store.claim("k", { token: "a", ...TIMES });
      const abort = new AbortController();
      await store.settled!("other", abort.signal);
      const staying = store.settled!("other", abort.signal);
      await store.settled!("k", abort.signal);
      // Nobody waits for "k", so that it is left soon.
      const connection = duplicate.mock.results[0]!.value;
      const leave = connection.unsubscribe.bind(connection);
      const back = new Promise<void>(resolve => {
        connection.unsubscribe = (...args: unknown[]) => {
          const left = leave(...args);
          resolve(store.settled!("k", abort.signal));
          return left;
        };
      });
      await back;
      const begun = performance.now();
      const woken = store.settled!("k", AbortSignal.timeout(5_000));
      await sleep(50);
      await store.release("k", "a");
      await woken;
      expect(performance.now() - begun).toBeLessThan(2_000);
      abort.abort();
      await staying;
    },
  );

  it("polls where the server lets it not subscribe", PATIENT, async () => {
    await probe.call("ACL", "SETUSER", "mute", "on", ">pw", "~*", "+@all", "-subscribe", "resetchannels");
    const redis = new Redis({ port: server.port, username: "mute", password: "pw" });
    opened.push({ client: redis, close: async () => redis.disconnect() });
    const prefix = `${randomUUID()}:`;
    const leader = createIdempotency({ store: redisStore(redis, { prefix }) });
    const waiter = createIdempotency({ store: redisStore(redis, { prefix }) });
    const first = leader.withIdempotency("k", "1m", () => sleep(300, "sent"));
    await sleep(50);
    expect(await waiter.withIdempotency("k", "1m", () => "again")).toBe("sent");
    expect(await first).toBe("sent");
  });
});
