import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis as Ioredis, Cluster as IoredisCluster } from "ioredis";
import { Redis as Ioredis5, Cluster as IoredisCluster5 } from "ioredis5";
import { Redis as Ioredis510, Cluster as IoredisCluster510 } from "ioredis510";
import { Redis as Valkey, Cluster as ValkeyCluster } from "iovalkey";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import type { RedisClient } from "../../../src/stores/redis/client.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { type RedisCluster, startRedisCluster } from "../../support/servers/redis-cluster.ts";

const PATIENT = { timeout: 90_000 };
const KEYS = Array.from({ length: 200 }, (_, n) => `k${n}`);

type Client = RedisClient & { disconnect(): void };
const options = (keyPrefix: string) => ({ enableAutoPipelining: true, keyPrefix });

const SINGLE: Record<string, (port: number, keyPrefix: string) => Client> = {
  "ioredis 5.9": (port, keyPrefix) => new Ioredis5({ port, ...options(keyPrefix) }),
  "ioredis 5.10": (port, keyPrefix) => new Ioredis510({ port, ...options(keyPrefix) }),
  "ioredis 6": (port, keyPrefix) => new Ioredis({ port, ...options(keyPrefix) }),
  iovalkey: (port, keyPrefix) => new Valkey({ port, ...options(keyPrefix) }),
};
const CLUSTERS: typeof SINGLE = {
  "ioredis 5.9": (port, keyPrefix) => new IoredisCluster5([{ port }], options(keyPrefix)),
  "ioredis 5.10": (port, keyPrefix) => new IoredisCluster510([{ port }], options(keyPrefix)),
  "ioredis 6": (port, keyPrefix) => new IoredisCluster([{ port }], options(keyPrefix)),
  iovalkey: (port, keyPrefix) => new ValkeyCluster([{ port }], options(keyPrefix)),
};

/** Calls at once for keys of all nodes: each runs once, is kept, and is replayed, as another client finds it, too. */
async function runsAll(client: Client, plain: Client): Promise<void> {
  onTestFinished(() => {
    for (const each of [client, plain]) each.disconnect();
  });
  const prefix = `${randomUUID()}:`;
  const failures: unknown[] = [];
  const { execute } = createIdempotency({
    store: redisStore(client, { prefix }),
    onEvent: event => event.type === "store-error" && failures.push(event.error),
  });
  let runs = 0;
  const fn = () => sleep(5, ++runs);
  const firsts = await Promise.all(KEYS.map(key => execute(key, "1h", fn)));
  expect(firsts.filter(({ persisted }) => persisted)).toHaveLength(KEYS.length);
  const again = await Promise.all(KEYS.map(key => execute(key, "1h", fn)));
  expect(again.map(({ value }) => value)).toEqual(firsts.map(({ value }) => value));
  const other = createIdempotency({ store: redisStore(plain, { prefix }) });
  const found = await Promise.all(KEYS.map(key => other.inspect(key)));
  expect(new Set(found.map(state => state?.state))).toEqual(new Set(["completed"]));
  expect(await Promise.all(KEYS.map(key => other.forget(key)))).not.toContain(false);
  expect({ runs, failures }).toEqual({ runs: KEYS.length, failures: [] });
}

describeWithRedis("with automatic pipelining", url => {
  describe.each(["", "app:"])("and the keyPrefix %j", keyPrefix => {
    it.each(Object.entries(SINGLE))("%s sends each claim to its key", PATIENT, async (_, make) => {
      const port = Number(new URL(url).port);
      await runsAll(make(port, keyPrefix), new Ioredis({ port, keyPrefix }));
    });
  });

  describe("in a cluster of three masters", () => {
    let cluster: RedisCluster;

    beforeAll(async () => {
      cluster = await startRedisCluster();
    }, PATIENT.timeout);
    afterAll(() => cluster.stop());

    describe.each(["", "app:"])("and the keyPrefix %j", keyPrefix => {
      it.each(Object.entries(CLUSTERS))(
        "%s sends each claim and script to the node of its key",
        PATIENT,
        async (_, make) => {
          const { port } = cluster.nodes[0]!;
          await runsAll(make(port, keyPrefix), new IoredisCluster([{ port }], { keyPrefix }));
        },
      );
    });
  });
});
