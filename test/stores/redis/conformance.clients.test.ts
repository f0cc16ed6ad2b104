import { afterAll, beforeAll, describe } from "vitest";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { ifObtainable } from "../../support/servers/packages.ts";
import { type RedisServer, startRedis } from "../../support/servers/redis.ts";
import { findValkey } from "../../support/servers/redis-binary.ts";
import { type RedisCluster, startRedisCluster } from "../../support/servers/redis-cluster.ts";
import { CLIENTS, CLUSTER_CLIENTS, POLLING_CLIENTS, USUAL_CLIENTS, VALKEY_GLIDE } from "./clients.ts";
import { redisConforms } from "./conforms.ts";

const CLUSTER_MS = 90_000;

// Those that `conformance.test.ts` has not.
// Of Valkey's own making.
const VALKEYS = { "Valkey GLIDE": VALKEY_GLIDE, iovalkey: CLIENTS["iovalkey"]! };
const OTHERS = Object.entries({ ...CLIENTS, "Valkey GLIDE": VALKEY_GLIDE }).filter(
  ([name]) => !USUAL_CLIENTS.includes(name),
);

describeWithRedis("a store in Redis", url => {
  describe.each(OTHERS)("by %s", (_name, connect) => redisConforms(connect, () => [url]));

  describe.each(Object.entries(POLLING_CLIENTS))("by %s", (_name, connect) =>
    redisConforms(connect, () => [url], { hints: false }),
  );

  describe("in a cluster of three masters", () => {
    let cluster: RedisCluster;

    beforeAll(async () => {
      cluster = await startRedisCluster();
    }, CLUSTER_MS);

    afterAll(() => cluster.stop());

    describe.each(Object.entries(CLUSTER_CLIENTS))("by %s", (_name, connect) =>
      // Each store's waiters first have to find out the cluster's nodes.
      redisConforms(connect, () => cluster.nodes.map(({ url }) => url), { timeScale: 4 }),
    );
  });
});

describe("a store in Valkey", async () => {
  const binary = await ifObtainable("a store in Valkey", findValkey());
  if (binary === undefined) return;
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis({ binary });
  });

  afterAll(() => server.stop());

  describe.each(Object.entries(VALKEYS))("by %s", (_name, connect) =>
    redisConforms(connect, () => [server.url]),
  );
});
