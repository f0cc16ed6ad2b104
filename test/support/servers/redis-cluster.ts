import { Redis } from "ioredis";
import { onFreePort, until } from "./process.ts";
import { type RedisServer, startRedis } from "./redis.ts";

/** A Redis cluster of the test's own: masters without replicas, which share the slots among them. */
export interface RedisCluster {
  nodes: readonly RedisServer[];
  /** Waits until each node sees all others, as it does when the cluster starts. */
  inStep(): Promise<void>;
  stop(): Promise<void>;
}

const MASTERS = 3;
const SLOTS = 16_384;

// What a lost master takes with it are its own slots alone.
const ARGS = [
  ["--cluster-enabled", "yes"],
  ["--cluster-announce-ip", "127.0.0.1"],
  ["--cluster-require-full-coverage", "no"],
].flat();

/** Starts three masters, each with a third of the slots. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const started = await Promise.allSettled(Array.from({ length: MASTERS }, startNode));
  const nodes = started.flatMap(start => (start.status === "fulfilled" ? [start.value.server] : []));
  const stop = async () => {
    await Promise.all(nodes.map(node => node.stop()));
  };
  try {
    const members = started.map(start => {
      if (start.status === "rejected") throw start.reason;
      return start.value;
    });
    await join(members);
    await inStep(nodes);
    return { nodes, inStep: () => inStep(nodes), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Member {
  server: RedisServer;
  /** Where the nodes talk to each other. By default it is among the ports of outgoing connections. */
  busPort: number;
}

function startNode(): Promise<Member> {
  return onFreePort(async busPort => ({
    server: await startRedis({ args: [...ARGS, "--cluster-port", `${busPort}`] }),
    busPort,
  }));
}

async function join(members: readonly Member[]): Promise<void> {
  for (const [n, { server }] of members.entries()) {
    const share = (k: number) => Math.floor((k * SLOTS) / members.length);
    await commandsOf(server, [
      ["CLUSTER", "SET-CONFIG-EPOCH", n + 1],
      ["CLUSTER", "ADDSLOTSRANGE", share(n), share(n + 1) - 1],
      ...members
        .slice(0, n)
        .map(({ server: { host, port }, busPort }) => ["CLUSTER", "MEET", host, port, busPort]),
    ]);
  }
}

async function inStep(nodes: readonly RedisServer[]): Promise<void> {
  const isComplete = async (node: RedisServer) => {
    const [info] = await commandsOf(node, [["CLUSTER", "INFO"]]);
    return ["state:ok", `slots_ok:${SLOTS}`, `size:${nodes.length}`].every(line =>
      String(info).includes(`cluster_${line}\r\n`),
    );
  };
  await until(
    "the cluster is complete",
    async () => !(await Promise.all(nodes.map(isComplete))).includes(false),
  );
}

async function commandsOf({ url }: RedisServer, commands: (string | number)[][]): Promise<unknown[]> {
  const client = new Redis(url);
  client.on("error", () => {});
  try {
    return await Promise.all(commands.map(([name, ...args]) => client.call(`${name}`, ...args)));
  } finally {
    client.disconnect();
  }
}
