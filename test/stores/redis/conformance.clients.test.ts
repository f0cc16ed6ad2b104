import { afterAll, beforeAll, describe } from "vitest";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { type RedisCluster, startRedisCluster } from "../../support/servers/redis-cluster.ts";
import { CLIENTS, CLUSTER_CLIENTS, USUAL_CLIENTS } from "./clients.ts";
import { redisConforms } from "./conforms.ts";

const CLUSTER_MS = 90_000;

// Those that `conformance.test.ts` has not.
const OTHERS = Object.entries(CLIENTS).filter(([name]) => !USUAL_CLIENTS.includes(name));

describeWithRedis("a store in Redis", url => {
  describe.each(OTHERS)("by %s", (_name, connect) => redisConforms(connect, () => [url]));

  describe("in a cluster of three masters", () => {
    let cluster: RedisCluster;

    beforeAll(async () => {
      cluster = await startRedisCluster();
    }, CLUSTER_MS);

    afterAll(() => cluster.stop());

    describe.each(Object.entries(CLUSTER_CLIENTS))("by %s", (_name, connect) =>
      // Each store's waiters first have to find out the cluster's nodes.
      redisConforms(connect, () => cluster.nodes.map(({ url }) => url), 4),
    );
  });
});
