import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { createClient, type RedisClientOptions } from "redis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createIdempotency, type Idempotency } from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { recorder } from "../../support/calls.ts";
import { startProxy, type Proxy as TcpProxy } from "../../support/proxy.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { until } from "../../support/servers/process.ts";
import { type Connected, DEFAULT_CLIENTS } from "./clients.ts";

const PATIENT = { timeout: 60_000 };
const IMPATIENT = { storeTimeout: "2s" } as const;
const GIVEN_UP = { code: "STORE_ERROR", message: expect.stringContaining("no answer within") };

const has = (text: RegExp) => (request: Buffer) => text.test(request.toString("latin1"));
const isScript = has(/evalsha/i);
const isPlainClaim = has(/\bNX\b.*\bGET\b/s);

describeWithRedis("over a bad network", url => {
  describe.each(Object.entries(DEFAULT_CLIENTS))("%s", (_name, connect) => {
    const prefix = `${randomUUID()}:`;
    let proxy: TcpProxy;
    let near: Redis;
    let connected: Connected;
    let heard: ReturnType<typeof recorder>;
    let instance: Idempotency;
    let runs = 0;
    const fn = () => `run ${++runs}`;

    beforeEach(async () => {
      const { hostname, port } = new URL(url);
      proxy = await startProxy({ host: hostname, port: Number(port) });
      near = new Redis(url);
      connected = await connect(`redis://127.0.0.1:${proxy.port}`);
      heard = recorder();
      const store = redisStore(connected.client, { prefix });
      instance = createIdempotency({ store, storeTimeout: "20s", lease: "30s", onEvent: heard.onEvent });
      await instance.withIdempotency(`warm-${randomUUID()}`, "1m", () => 1);
      runs = 0;
    });
    afterEach(async () => {
      await connected.close();
      near.disconnect();
      await proxy.stop();
    });

    const other = () => createIdempotency({ store: redisStore(near, { prefix }) });

    const fail = () => Promise.reject(new Error("refused"));

    it.each([
      { what: "of an absent key", isClaim: isPlainClaim, prepare: async () => {}, attempt: 1 },
      {
        what: "of a released key",
        isClaim: isScript,
        prepare: (key: string) => instance.execute(key, "1m", fail).catch(() => {}),
        attempt: 2,
      },
    ])("knows its own claim $what whose reply was lost", PATIENT, async ({ isClaim, prepare, attempt }) => {
      const key = randomUUID();
      await prepare(key);
      const cut = proxy.cutBeforeReply(isClaim);
      expect(await instance.execute(key, "1m", fn)).toMatchObject({
        value: "run 1",
        attempt,
        persisted: true,
      });
      await cut;
      expect(await other().execute(key, "1m", fn)).toMatchObject({ value: "run 1", replayed: true });
      expect(runs).toBe(1);
    });

    it("completes again where the reply was lost", PATIENT, async () => {
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

    it(
      "fails closed by storeTimeout while everything vanishes, and frees the key after",
      PATIENT,
      async () => {
        const key = randomUUID();
        proxy.dropReplies(true);
        await expect(instance.execute(key, "1m", fn, IMPATIENT)).rejects.toMatchObject(GIVEN_UP);
        expect(runs).toBe(0);
        proxy.dropReplies(false);
        // The claim landed; whoever comes next waits until it is given back.
        expect(await other().execute(key, "1m", fn, { waitTimeout: "30s" })).toMatchObject({
          value: "run 1",
        });
      },
    );

    it("gives the value where the store vanished after fn had succeeded", PATIENT, async () => {
      const key = randomUUID();
      const vanished = () => {
        proxy.blackHole(true);
        return fn();
      };
      const outcome = await instance.execute(key, "1m", vanished, { storeTimeout: "5s" });
      expect(outcome).toMatchObject({ value: "run 1", persisted: false });
      proxy.blackHole(false);
      // Written in the background while the lease lasts.
      expect(await other().execute(key, "1m", fn, { waitTimeout: "30s" })).toMatchObject({ value: "run 1" });
      expect(runs).toBe(1);
    });

    it("gives fn's own error where the store has gone meanwhile", PATIENT, async () => {
      const error = new Error("refused");
      const gone = () => {
        proxy.refuse(true);
        proxy.cut();
        throw error;
      };
      const call = instance.execute(randomUUID(), "1m", gone, { storeTimeout: "5s" });
      await expect(call).rejects.toBe(error);
      proxy.refuse(false);
    });

    it("fails closed by storeTimeout where nobody answers", PATIENT, async () => {
      proxy.refuse(true);
      proxy.cut();
      await expect(instance.execute(randomUUID(), "1m", fn, IMPATIENT)).rejects.toMatchObject(GIVEN_UP);
      expect(runs).toBe(0);
      proxy.refuse(false);
    });

    it("has one holder where each answer takes almost as long as the lease", PATIENT, async () => {
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

  describe("node-redis with a socketTimeout, after a silence", () => {
    const silenced = async (socket: RedisClientOptions["socket"]) => {
      const client = createClient({ url, socket: { socketTimeout: 1_000, ...socket } });
      const silence = new Promise<Error>(resolve => client.on("error", resolve));
      await client.connect();
      const { withIdempotency } = createIdempotency({
        store: redisStore(client, { prefix: `${randomUUID()}:` }),
      });
      expect((await silence).message).toContain("Socket timeout");
      return { client, call: () => withIdempotency("k", "1m", () => "sent") };
    };

    it("is closed for good by default: each call fails closed", PATIENT, async () => {
      const { client, call } = await silenced({});
      for (let n = 0; n < 2; n += 1) await expect(call()).rejects.toThrow("The client is closed");
      client.destroy();
    });

    it("goes on where it knows how to reconnect", PATIENT, async () => {
      const { client, call } = await silenced({ reconnectStrategy: tries => Math.min(tries * 50, 2_000) });
      await until("it answers", () =>
        call().then(
          value => value === "sent",
          () => false,
        ),
      );
      client.destroy();
    });
  });
});
