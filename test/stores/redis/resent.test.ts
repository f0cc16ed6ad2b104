import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { Redis as Ioredis5 } from "ioredis5";
import { describe, expect, it, onTestFinished } from "vitest";
import type { IdempotencyStore, Seen } from "../../../src/contract/store.ts";
import type { RedisClient } from "../../../src/stores/redis/client.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { startProxy } from "../../support/proxy.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";

const PATIENT = { timeout: 20_000 };
const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };
const SEEN = { runId: "a", attempt: 1 };

type Client = RedisClient & { disconnect(): void };
type ClientOptions = { autoResendUnfulfilledCommands?: boolean };
// node-redis sends nothing again: what had no answer is rejected.
const CLIENTS: Record<string, (port: number, options?: ClientOptions) => Client> = {
  "ioredis 6": (port, options) => new Redis({ port, ...options }).on("error", () => {}),
  "ioredis 5": (port, options) => new Ioredis5({ port, ...options }).on("error", () => {}),
};

// S11
describeWithRedis("a command that is sent again after a lost reply", url => {
  describe.each(Object.entries(CLIENTS))("by %s", (_, make) => {
    /** A store whose next script's reply is lost, with a claim that is uncertain, and another store nearby. */
    const open = async (options?: ClientOptions) => {
      const proxy = await startProxy({ host: "127.0.0.1", port: Number(new URL(url).port) });
      const client = make(proxy.port, options);
      const near = new Redis(url);
      onTestFinished(async () => {
        for (const each of [client, near]) each.disconnect();
        await proxy.stop();
      });
      const prefix = `${randomUUID()}:`;
      const store = redisStore(client, { prefix });
      const other = redisStore(near, { prefix });
      // The scripts are known to the server.
      await act.settle(store, "warm");
      await act.reopen(store, "warm");
      await act.forget(store, "warm");
      await other.claim("k", { token: "a", ...TIMES });
      await other.renew("k", "a", 0);
      return { proxy, store, other };
    };
    const act = {
      settle: (store: IdempotencyStore, key: string, seen: Seen = SEEN) =>
        store.settle(key, "found", 60_000, seen),
      reopen: (store: IdempotencyStore, key: string, seen: Seen = SEEN) => store.reopen(key, seen),
      forget: (store: IdempotencyStore, key: string, seen: Seen = SEEN) => store.forget(key, seen),
    };
    const LEFT = { settle: "completed", reopen: "released", forget: undefined };
    const isScript = (request: Buffer) => /evalsha/i.test(String(request));

    it.each(["settle", "reopen", "forget"] as const)("is true: %s", PATIENT, async operation => {
      const { proxy, store, other } = await open();
      const cut = proxy.cutBeforeReply(isScript);
      const answer = act[operation](store, "k");
      await cut;
      expect(await answer).toBe(true);
      expect((await other.read("k"))?.status).toBe(LEFT[operation]);
    });

    it.each(["settle", "reopen", "forget"] as const)(
      "leaves a claim that came meanwhile: %s",
      PATIENT,
      async operation => {
        const { proxy, store, other } = await open();
        const cut = proxy.cutBeforeReply(request => {
          const is = isScript(request);
          if (is) proxy.refuse(true);
          return is;
        });
        const answer = act[operation](store, "k");
        await cut;
        // Somebody frees the key, and a later call claims it and becomes uncertain, too.
        await other.forget("k");
        await other.claim("k", { token: "b", ...TIMES });
        await other.renew("k", "b", 0);
        proxy.refuse(false);
        expect(await answer).toBe(false);
        expect(await other.read("k")).toMatchObject({ status: "uncertain", runId: "b", attempt: 1 });
      },
    );

    /** What stands where a claim landed whose reply was lost, if its client reconnects when the window is over. */
    const leftWhenOutlasted = async (options?: ClientOptions) => {
      const { proxy, store, other } = await open(options);
      const cut = proxy.cutBeforeReply(request => {
        const is = isScript(request);
        if (is) proxy.refuse(true);
        return is;
      });
      void Promise.resolve(store.claim("once", { token: "first", ...TIMES })).catch(() => {});
      await cut;
      expect(await other.read("once")).toMatchObject({ status: "in-progress", runId: "first" });
      // S3: absent is as good as expired.
      await other.forget("once");
      proxy.refuse(false);
      // Behind all that the client sends again.
      return store.read("once");
    };

    it("begins another window by a claim whose own is over", PATIENT, async () => {
      const begun = { status: "in-progress", runId: "first", attempt: 1 };
      expect(await leftWhenOutlasted()).toMatchObject(begun);
    });

    it("begins none where the client sends nothing again", PATIENT, async () => {
      expect(await leftWhenOutlasted({ autoResendUnfulfilledCommands: false })).toBeUndefined();
    });

    it("leaves a takeover that came between what was seen and what was sent", PATIENT, async () => {
      const { store, other } = await open();
      await other.claim("k", { token: "b", rerun: true, ...TIMES });
      await other.renew("k", "b", 0);
      for (const operation of ["settle", "reopen", "forget"] as const)
        expect(await act[operation](store, "k")).toBe(false);
      expect(await other.read("k")).toMatchObject({ status: "uncertain", attempt: 2 });
    });
  });
});
