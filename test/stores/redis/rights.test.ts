import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import type { RedisClient } from "../../../src/stores/redis/client.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { type RedisServer, startRedis } from "../../support/servers/redis.ts";

const PATIENT = { timeout: 30_000 };

describeWithRedis("a user of Redis", () => {
  let server: RedisServer;
  let admin: Redis;
  const ends: (() => unknown)[] = [];

  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
  }, PATIENT.timeout);
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  const user = async (...rights: string[]) => {
    const username = randomUUID();
    await admin.call("ACL", "SETUSER", username, "on", ">pw", ...rights);
    return username;
  };
  const ioredis = async (username: string) => {
    const redis = new Redis({ port: server.port, username, password: "pw" });
    ends.push(() => redis.disconnect());
    return redis;
  };
  const CLIENTS: Record<string, (username: string) => Promise<RedisClient>> = {
    ioredis,
    "node-redis": async username => {
      const client = await createClient({ url: server.url, username, password: "pw" }).connect();
      ends.push(() => client.destroy());
      return client;
    },
  };
  const ALL = ["~*", "&*", "+@all"];
  // As the guide to Redis says.
  const NEEDED = ["+evalsha", "+eval", "+get", "+set", "+pttl", "+pexpire", "+del"];
  const CONNECTING = ["+hello", "+client", "+ping"];

  describe.each(Object.entries(CLIENTS))("by %s", (_, connect) => {
    const open = async (rights: string[], prefix = "idempotency:") =>
      redisStore(await connect(await user(...rights)), { prefix, onWarning() {} });

    const LACKING: Record<string, string[]> = {
      scripts: [...ALL, "-eval", "-evalsha", "-script"],
      "the script's text": [...ALL, "-eval"],
      "the scripts' names": [...ALL, "-evalsha"],
      writing: [...ALL, "-set"],
      reading: [...ALL, "-get"],
      "the prefix": ["~other:*", "&*", "+@all"],
    };
    it.each(Object.entries(LACKING))(
      "that lacks the right to %s is refused before fn runs",
      PATIENT,
      async (_, rights) => {
        await admin.script("FLUSH");
        const store = await open(rights);
        for (let n = 0; n < 2; n += 1) {
          const call = createIdempotency({ store }).withIdempotency(randomUUID(), "1m", () =>
            expect.fail("ran"),
          );
          const error = await call.catch(error => error);
          expect(error).toMatchObject({ code: "STORE_ERROR" });
          for (const words of [
            "The store failed to claim: ",
            "needs the rights +evalsha +eval",
            "that begin with its prefix",
          ])
            expect(error.message).toContain(words);
        }
      },
    );

    it("that has what the guide says does all that there is to do, and waiters poll", PATIENT, async () => {
      const store = await open(["~idempotency:*", "resetchannels", "-@all", ...NEEDED, ...CONNECTING]);
      const times = { ttlMs: 60_000, leaseMs: 30_000 };
      const key = randomUUID();
      await store.claim(key, { token: "a", ...times });
      expect(await store.renew(key, "a", 0)).toBe(true);
      expect(await store.claim(key, { token: "b", rerun: true, ...times })).toMatchObject({ takeover: true });
      expect(await store.release(key, "b")).toBe(true);
      await store.claim(key, { token: "c", ...times });
      await store.renew(key, "c", 0);
      expect(await store.settle(key, "found", 60_000)).toBe(true);
      expect(await store.forget(key, { runId: "a", attempt: 3 })).toBe(true);

      // B6
      const items = [key, randomUUID()].map(each => ({
        key: each,
        token: "d",
        leaseMs: 30_000,
        outcome: "sent",
        ttlMs: 60_000,
      }));
      for (const end of [store.releaseMany!, store.completeMany!]) {
        const claims = items.map(({ key, token }) => ({ key, request: { token, ...times } }));
        expect(await store.claimMany!(claims)).toMatchObject([{ status: "claimed" }, { status: "claimed" }]);
        expect(await store.renewMany!(items)).toEqual([true, true]);
        expect(await end.call(store, items)).toEqual([true, true]);
      }
      expect(await store.forget(key)).toBe(true);

      const waiter = createIdempotency({ store: redisStore(admin, { prefix: "idempotency:" }) });
      const first = createIdempotency({ store }).withIdempotency(key, "1m", () => sleep(300, "sent"));
      await sleep(50);
      expect(await waiter.withIdempotency(key, "1m", () => "again")).toBe("sent");
      expect(await first).toBe("sent");
    });

    it.each(["publish", "subscribe", "client", "info"])(
      "that lacks the right to %s goes on: waiters poll",
      PATIENT,
      async right => {
        const stores = [await open([...ALL, `-${right}`]), await open([...ALL, `-${right}`])];
        const [leader, waiter] = stores.map(store => createIdempotency({ store }));
        const key = randomUUID();
        const first = leader!.withIdempotency(key, "1m", () => sleep(300, "sent"));
        await sleep(100);
        expect(await waiter!.withIdempotency(key, "1m", () => "again")).toBe("sent");
        expect(await first).toBe("sent");
      },
    );
  });

  describe("that lists and reruns by the server's clock", () => {
    const MORE = ["+scan", "+time"];
    const open = async (...rights: string[]) =>
      redisStore(
        await ioredis(
          await user("~idempotency:*", "resetchannels", "-@all", ...NEEDED, ...CONNECTING, ...rights),
        ),
        { onWarning() {} },
      );
    const times = { ttlMs: 60_000, leaseMs: 30_000 };

    it("needs two rights more", PATIENT, async () => {
      const store = await open(...MORE);
      const key = randomUUID();
      await store.claim(key, { token: "a", rerunWithinMs: 60_000, ...times });
      await store.renew(key, "a", 0);
      const listed = [];
      for await (const record of store.list!({ prefix: key, status: "uncertain" })) listed.push(record.key);
      expect(listed).toEqual([key]);
      const again = await store.claim(key, { token: "b", rerunWithinMs: 60_000, ...times });
      expect(again).toMatchObject({ takeover: true });
      await store.renew(key, "b", 0);
      expect(await store.reopen(key)).toBe(true);
    });

    it("is refused without them, which it names", PATIENT, async () => {
      const store = await open();
      const { list, execute } = createIdempotency({ store });
      const read = async () => {
        for await (const _ of list()) expect.fail("listed");
      };
      await expect(read()).rejects.toThrow("for `list` +scan");
      const options = { onUncertain: { rerunWithin: "1h" } } as const;
      const call = execute(randomUUID(), "1m", () => expect.fail("ran"), options);
      await expect(call).rejects.toThrow("for `rerunWithin` +time");
    });
  });

  it("that may not ask for replicas learns what it needs", PATIENT, async () => {
    const redis = await ioredis(await user(...ALL, "-wait"));
    const store = redisStore(redis, { replicas: { count: 1, timeoutMs: 100 } });
    const call = createIdempotency({ store }).withIdempotency(randomUUID(), "1m", () => expect.fail("ran"));
    await expect(call).rejects.toThrow("for `replicas` +wait +client|id");
  });

  it("whose server has renamed the commands that run scripts learns what it needs", PATIENT, async () => {
    const without = await startRedis({
      args: ["--rename-command", "EVAL", "", "--rename-command", "EVALSHA", ""],
    });
    ends.push(() => without.stop());
    const redis = new Redis(without.url);
    ends.push(() => redis.disconnect());
    const { withIdempotency } = createIdempotency({ store: redisStore(redis) });
    const call = withIdempotency("k", "1m", () => expect.fail("ran"));
    await expect(call).rejects.toMatchObject({
      code: "STORE_ERROR",
      message: expect.stringContaining("The store runs scripts"),
    });
  });
});
