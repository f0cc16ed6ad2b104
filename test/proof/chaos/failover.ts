// npx tsx test/proof/chaos/failover.ts [ROUNDS]: what becomes of claims when a primary dies before its replica has them.
import { Redis } from "ioredis";
import { createIdempotency, isIdempotencyError } from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { startProxy } from "../../support/proxy.ts";
import { inStep, type RedisServer, startRedis } from "../../support/servers/redis.ts";

/** What came of some failovers. */
export interface Failovers {
  rounds: number;
  /** Claims that the new primary did not know, so that the other call ran beside the first. */
  lost: number;
  /** Calls that ran fn. */
  runs: number;
  /** Calls that were refused before they ran, by code. */
  refused: Record<string, number>;
}

export interface Conditions {
  rounds: number;
  /** Whether claims wait for the replica's word (`redisStore`'s option `replicas`). */
  waits: boolean;
  /** Whether the replica has been cut off when the first call claims. */
  isCutOff: boolean;
}

/** Each round: a call claims and runs, the primary is killed, its replica promoted, and the call tried again. */
export async function failOver({ rounds, waits, isCutOff }: Conditions): Promise<Failovers> {
  const tally: Failovers = { rounds, lost: 0, runs: 0, refused: {} };
  for (let round = 0; round < rounds; round++) {
    const runs = await oneRound(waits, isCutOff, code => {
      tally.refused[code] = (tally.refused[code] ?? 0) + 1;
    });
    tally.runs += runs;
    if (runs > 1) tally.lost++;
  }
  return tally;
}

async function oneRound(waits: boolean, isCutOff: boolean, refused: (code: string) => void): Promise<number> {
  const primary = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  const wire = await startProxy(primary);
  const replica = await startRedis({ args: ["--replicaof", wireHost, `${wire.port}`] });
  const clients: Redis[] = [];
  const connect = ({ host, port }: RedisServer) => {
    const client = new Redis(port, host).on("error", () => {});
    clients.push(client);
    return client;
  };
  let runs = 0;
  const call = async (client: Redis) => {
    const store = redisStore(client, waits ? { replicas: { count: 1, timeoutMs: 100 } } : {});
    const { withIdempotency } = createIdempotency({ store, storeTimeout: "1s" });
    try {
      await withIdempotency("mail", "1m", () => ++runs);
    } catch (error) {
      if (!isIdempotencyError(error)) throw error;
      refused(error.code);
    }
  };
  try {
    const onReplica = connect(replica);
    await inStep(primary);
    wire.dropReplies(isCutOff);
    await call(connect(primary));
    await primary.kill();
    await onReplica.replicaof("NO", "ONE");
    // The new primary has no replica of its own yet, so this call does without.
    waits = false;
    await call(onReplica);
    return runs;
  } finally {
    for (const client of clients) client.disconnect();
    await wire.stop();
    await Promise.all([primary.stop(), replica.stop()]);
  }
}

const wireHost = "127.0.0.1";

if (import.meta.url === `file://${process.argv[1]}`) {
  const rounds = Number(process.argv[2] ?? 20);
  console.log("| claims | replica | rounds | claims lost | runs | refused |\n|---|---|---|---|---|---|");
  for (const isCutOff of [true, false]) {
    for (const waits of [false, true]) {
      const { lost, runs, refused } = await failOver({ rounds, waits, isCutOff });
      const how = waits ? "wait for 1 replica" : "do not wait";
      console.log(
        `| ${how} | ${isCutOff ? "cut off" : "in step"} | ${rounds} | ${lost} | ${runs} | ${JSON.stringify(refused)} |`,
      );
    }
  }
}
