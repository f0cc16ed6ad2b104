import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis } from "ioredis";
import { expect, it, onTestFinished } from "vitest";
import type { RedisClient } from "../../../src/stores/redis/client.ts";
import { RedisHints } from "../../../src/stores/redis/hints.ts";
import { commandsOf } from "../../../src/stores/redis/recognise.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { until } from "../../support/servers/process.ts";
import { startRedis } from "../../support/servers/redis.ts";
import { CLIENTS } from "./clients.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const context = new AsyncLocalStorage<object>();
const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };

/** The client, and the contexts in which the connections that it made heard of anything. */
function observed(client: RedisClient): { client: RedisClient; heardIn: unknown[] } {
  const heardIn: unknown[] = [];
  const duplicate = (...args: unknown[]) => {
    heardIn.push(context.getStore());
    const made = (
      client as { duplicate(...args: unknown[]): { on(name: string, act: () => void): void } }
    ).duplicate(...args);
    for (const event of ["connect", "ready", "message", "end"])
      made.on(event, () => heardIn.push(context.getStore()));
    return made;
  };
  const view = new Proxy(client, {
    get: (of, name) => (name === "duplicate" ? duplicate : Reflect.get(of, name, of)),
  });
  return { client: view, heardIn };
}

describeWithRedis("a waiter's context", url => {
  it.each(["ioredis 6", "ioredis 5", "node-redis 6"])(
    "is not what the connection of %s lives in",
    async name => {
      const { client, close } = await CLIENTS[name]!(url);
      onTestFinished(async () => void (await close()));
      const { client: view, heardIn } = observed(client);
      const prefix = `${randomUUID()}:`;
      const store = redisStore(view, { prefix });
      await store.claim("k", { token: "a", ...TIMES });
      const abort = new AbortController();
      const wait = (who: string) =>
        context.run({ who }, async () => {
          await store.settled!("k", abort.signal);
          return context.getStore();
        });
      // The first message of all is that the subscription stands.
      expect(await Promise.all([wait("first"), wait("second")])).toEqual([
        { who: "first" },
        { who: "second" },
      ]);
      const next = [wait("third"), wait("fourth")];
      await store.release("k", "a");
      expect(await Promise.all(next)).toEqual([{ who: "third" }, { who: "fourth" }]);
      await sleep(700);
      expect(heardIn.length).toBeGreaterThan(1);
      expect(new Set(heardIn)).toEqual(new Set([undefined]));
    },
  );

  it("is not kept alive by the connection, by what waits on it, or by the timer that closes it", {
    timeout: 30_000,
  }, async () => {
    const redis = new Redis(url);
    onTestFinished(() => redis.disconnect());
    const hints = new RedisHints(commandsOf(redis).subscriber!);
    const stay = new AbortController();
    let gone = false;
    const registry = new FinalizationRegistry(() => {
      gone = true;
    });
    const visit = async () => {
      const who = { name: "visitor" };
      registry.register(who, undefined);
      const leave = new AbortController();
      await context.run(who, async () => {
        // The first message of all is that the subscription stands; nobody sends another.
        await hints.wait("k", leave.signal);
        const waiting = hints.wait("k", leave.signal);
        leave.abort();
        await waiting;
      });
    };
    await visit();
    const waiting = hints.wait("k", stay.signal);
    await until("the visitor's context is gone", async () => {
      await sleep(20);
      collect();
      return gone;
    });
    stay.abort();
    await waiting;
  });

  it("is not what a warning is given in", { timeout: 30_000 }, async () => {
    const server = await startRedis({ args: ["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"] });
    const redis = new Redis(server.url);
    onTestFinished(async () => {
      redis.disconnect();
      await server.stop();
    });
    let seen: unknown = "not warned";
    const onWarning = () => {
      seen = context.getStore();
    };
    const store = redisStore(redis, { onWarning });
    await context.run({ who: "caller" }, async () => store.claim("k", { token: "a", ...TIMES }));
    await until("warned", () => seen !== "not warned");
    expect(seen).toBeUndefined();
  });
});
