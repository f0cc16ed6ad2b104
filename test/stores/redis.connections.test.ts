import { randomUUID } from "node:crypto";
import { Redis as Ioredis } from "ioredis";
import { Redis as Ioredis5 } from "ioredis5";
import { createClient } from "redis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createIdempotency, type Idempotency } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { recorder } from "../helpers/calls.ts";
import { startProxy, type Proxy as TcpProxy } from "../helpers/proxy.ts";
import { describeWithRedis } from "../servers/describe.ts";
import type { Connected } from "./redis-clients.ts";

const DEFAULT_CLIENTS: Record<string, (url: string) => Promise<Connected>> = {
  "ioredis 6": async url => {
    const client = new Ioredis(url);
    client.on("error", () => {});
    return { client, close: async () => client.disconnect() };
  },
  "ioredis 5": async url => {
    const client = new Ioredis5(url);
    client.on("error", () => {});
    return { client, close: async () => client.disconnect() };
  },
  "node-redis 6": async url => {
    const client = createClient({ url });
    client.on("error", () => {});
    client.connect().catch(() => {});
    return { client, close: async () => client.destroy() };
  },
};

const isScript = (request: Buffer) => /evalsha/i.test(request.toString("latin1"));

describeWithRedis("over a bad network", url => {
  describe.each(Object.entries(DEFAULT_CLIENTS))("%s", (_name, connect) => {
    const prefix = `${randomUUID()}:`;
    let proxy: TcpProxy;
    let near: Ioredis;
    let connected: Connected;
    let heard: ReturnType<typeof recorder>;
    let instance: Idempotency;
    let runs = 0;
    const fn = () => `run ${++runs}`;

    beforeEach(async () => {
      const { hostname, port } = new URL(url);
      proxy = await startProxy({ host: hostname, port: Number(port) });
      near = new Ioredis(url);
      connected = await connect(`redis://127.0.0.1:${proxy.port}`);
      heard = recorder();
      const store = redisStore(connected.client, { prefix });
      instance = createIdempotency({ store, storeTimeout: "2s", lease: "20s", onEvent: heard.onEvent });
      await instance.withIdempotency(`warm-${randomUUID()}`, "1m", () => 1);
      runs = 0;
    });
    afterEach(async () => {
      await connected.close();
      near.disconnect();
      await proxy.stop();
    });

    const other = () => createIdempotency({ store: redisStore(near, { prefix }) });

    it("knows its own claim whose reply was lost", { timeout: 20_000 }, async () => {
      const key = randomUUID();
      const cut = proxy.cutBeforeReply(isScript);
      expect(await instance.execute(key, "1m", fn)).toMatchObject({
        value: "run 1",
        attempt: 1,
        persisted: true,
      });
      await cut;
      expect(await other().execute(key, "1m", fn)).toMatchObject({ value: "run 1", replayed: true });
      expect(runs).toBe(1);
    });

    it("completes again where the reply was lost", { timeout: 20_000 }, async () => {
      const key = randomUUID();
      let cut: Promise<void> | undefined;
      const { value } = await instance.execute(key, "1m", () => {
        cut = proxy.cutBeforeReply(isScript);
        return fn();
      });
      expect(value).toBe("run 1");
      await cut;
      expect(await other().execute(key, "1m", fn)).toMatchObject({ value: "run 1", replayed: true });
    });

    it("fails closed by storeTimeout while everything vanishes, and frees the key after", {
      timeout: 20_000,
    }, async () => {
      const key = randomUUID();
      proxy.dropReplies(true);
      const begun = performance.now();
      await expect(instance.execute(key, "1m", fn)).rejects.toMatchObject({ code: "STORE_ERROR" });
      expect(performance.now() - begun).toBeLessThan(4_000);
      expect(runs).toBe(0);
      proxy.dropReplies(false);
      // The claim landed; whoever comes next waits until it is given back.
      expect(await other().execute(key, "1m", fn, { waitTimeout: "15s" })).toMatchObject({ value: "run 1" });
    });

    it("gives the value where the store vanished after fn had succeeded", { timeout: 20_000 }, async () => {
      const key = randomUUID();
      const outcome = await instance.execute(key, "1m", () => {
        proxy.blackHole(true);
        return fn();
      });
      expect(outcome).toMatchObject({ value: "run 1", persisted: false });
      proxy.blackHole(false);
      // Written in the background while the lease lasts.
      expect(await other().execute(key, "1m", fn, { waitTimeout: "15s" })).toMatchObject({ value: "run 1" });
      expect(runs).toBe(1);
    });

    it("gives fn's own error where the store has gone meanwhile", { timeout: 20_000 }, async () => {
      const error = new Error("refused");
      const call = instance.execute(randomUUID(), "1m", () => {
        proxy.refuse(true);
        proxy.cut();
        throw error;
      });
      await expect(call).rejects.toBe(error);
      proxy.refuse(false);
    });

    it("fails closed by storeTimeout where nobody answers", { timeout: 20_000 }, async () => {
      proxy.refuse(true);
      proxy.cut();
      const begun = performance.now();
      await expect(instance.execute(randomUUID(), "1m", fn)).rejects.toMatchObject({ code: "STORE_ERROR" });
      expect(performance.now() - begun).toBeLessThan(4_000);
      expect(runs).toBe(0);
      proxy.refuse(false);
    });

    it("has one holder where each answer takes almost as long as the lease", {
      timeout: 30_000,
    }, async () => {
      const key = randomUUID();
      proxy.delay(800);
      const slow = instance.execute(key, "1m", fn, { lease: "1s", storeTimeout: "5s" });
      const fast = other()
        .execute(key, "1m", fn, { onUncertain: "reject" })
        .catch(error => error);
      await Promise.allSettled([slow, fast]);
      proxy.delay(0);
      expect(runs).toBe(1);
    });
  });
});
