import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IdempotencyStore } from "../../src/store.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { storeConformance } from "../../src/testing/index.ts";
import { describeWithRedis } from "../servers/describe.ts";
import { type RedisServer, startRedis } from "../servers/redis.ts";
import { itConforms } from "./conforms.ts";
import { CLIENTS, CLUSTER_CLIENTS, type Connected } from "./redis-clients.ts";

const CASE_MS = 30_000;

/** The whole suite on stores of the client, two connections of which stand on one server. */
function conforms(connect: (url: string) => Promise<Connected>, urlOf: () => string, timeScale = 2): void {
  const prefixes = new Map<IdempotencyStore, string>();
  let connected: Connected[];
  let probe: Redis;

  beforeAll(async () => {
    connected = await Promise.all([connect(urlOf()), connect(urlOf())]);
    probe = new Redis(urlOf());
  }, CASE_MS);

  afterAll(async () => {
    await Promise.all(connected.map(({ close }) => close()));
    probe.disconnect();
  });

  const create = (client = 0, prefix = `${randomUUID()}:`) => {
    const store = redisStore(connected[client]!.client, { prefix });
    prefixes.set(store, prefix);
    return store;
  };
  const { cases, uncovered } = storeConformance({
    create,
    second: store => create(1, prefixes.get(store)),
    advance: ms => sleep(ms),
    hints: true,
    cleanup: {
      create,
      count: async store => (await probe.keys(`*${prefixes.get(store)}*`)).length,
      withinMs: 3_000,
    },
    timeScale,
  });

  itConforms(cases);

  it("is covered, but for a server that is full, which has tests of its own", () => {
    expect(uncovered.filter(name => !/full|purge/.test(name))).toEqual([]);
  });
}

describeWithRedis("a store in Redis", url => {
  describe.each(Object.entries(CLIENTS))("by %s", (_name, connect) => conforms(connect, () => url));

  describe("in a cluster", () => {
    let server: RedisServer;

    beforeAll(async () => {
      server = await startRedis({ args: ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"] });
      const redis = new Redis(server.url);
      await redis.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
      while (!String(await redis.call("CLUSTER", "INFO")).includes("cluster_state:ok")) await sleep(20);
      redis.disconnect();
    }, CASE_MS);

    afterAll(() => server.stop());

    describe.each(Object.entries(CLUSTER_CLIENTS))("by %s", (_name, connect) =>
      // Each store's waiters first have to find out the cluster's nodes.
      conforms(connect, () => server.url, 4),
    );
  });
});
