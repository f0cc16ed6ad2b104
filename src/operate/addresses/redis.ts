import type { RedisClient } from "../../stores/redis/client.ts";
import { redisStore } from "../../stores/redis/store.ts";
import { messageOf } from "../command/failure.ts";
import { examineRedis } from "../doctor/redis.ts";
import type { Address, OpenedStore } from "./address.ts";
import { type Anything, type LoadedClient, loadClient } from "./client.ts";

const CONNECT_MS = 5_000;

/** A connected client of Redis, and how it is closed. */
interface Connected {
  readonly client: RedisClient;
  close(): void;
}

export const REDIS: Address = {
  value: "URL",
  summary: "a Redis or Valkey server, or any node of a cluster: redis://host:6379, rediss:// for TLS",
  clients: ["ioredis", "iovalkey", "redis"],
  takes: ["prefix"],
  async open(url, { prefix }, io): Promise<OpenedStore> {
    const loaded = await loadClient(io, REDIS.clients);
    const { client, close } = await connect(loaded, url);
    const options = { ...(prefix !== undefined && { prefix }), onWarning() {} };
    return {
      store: () => redisStore(client, options),
      examine: () => examineRedis(client, prefix),
      close: async () => close(),
    };
  },
};

async function connect({ name, exports }: LoadedClient, url: string): Promise<Connected> {
  const { one, cluster } = name === "redis" ? nodeRedis(exports) : ioredis(exports);
  const first = await one(url);
  if (!(await isCluster(first.client))) return first;
  first.close();
  return cluster(url);
}

/** Whether the node says that it is part of a cluster, to a user that may ask. */
async function isCluster(client: Anything): Promise<boolean> {
  try {
    const ask = typeof client.evalSha === "function" ? "sendCommand" : "call";
    const info = await (ask === "call"
      ? client.call("INFO", "cluster")
      : client.sendCommand(["INFO", "cluster"]));
    return /^cluster_enabled:1/m.test(String(info));
  } catch {
    return false;
  }
}

function ioredis(exports: Anything) {
  // The package is its own client class in some versions.
  const Redis = exports.Redis ?? exports;
  const Cluster = exports.Cluster ?? Redis.Cluster;
  // It would try for ever, and keep what it is asked meanwhile; and ask for INFO, to which a user may have no right.
  const once = { connectTimeout: CONNECT_MS, enableReadyCheck: false };
  const options = { ...once, lazyConnect: true, retryStrategy: () => null };
  return {
    one: (url: string) => ready(new Redis(url, options)),
    cluster: (url: string) => {
      const { hostname, port, username, password, protocol } = new URL(url);
      const redisOptions = {
        ...once,
        ...(username !== "" && { username: decodeURIComponent(username) }),
        ...(password !== "" && { password: decodeURIComponent(password) }),
        ...(protocol === "rediss:" && { tls: {} }),
      };
      const startNode = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 6379) };
      const limits = { lazyConnect: true, clusterRetryStrategy: () => null };
      return ready(new Cluster([startNode], { ...limits, redisOptions }));
    },
  };
}

/** Connects; the reason why that failed is told to a listener alone. */
async function ready(client: Anything): Promise<Connected> {
  let reason: unknown;
  client.on("error", (error: { lastNodeError?: unknown }) => {
    reason = error?.lastNodeError ?? error;
  });
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    throw new Error(`no connection to Redis: ${messageOf(reason ?? error)}`);
  }
  return { client, close: () => client.disconnect() };
}

function nodeRedis(exports: Anything) {
  const socket = { connectTimeout: CONNECT_MS, reconnectStrategy: false };
  const connected = async (client: Anything): Promise<Connected> => {
    client.on("error", () => {});
    try {
      await client.connect();
    } catch (error) {
      throw new Error(`no connection to Redis: ${messageOf(error)}`);
    }
    return { client, close: () => client.destroy() };
  };
  return {
    one: (url: string) => connected(exports.createClient({ url, socket })),
    cluster: (url: string) => {
      const { username, password, protocol } = new URL(url);
      const account = {
        ...(username !== "" && { username: decodeURIComponent(username) }),
        ...(password !== "" && { password: decodeURIComponent(password) }),
      };
      // The nodes that it hears of have no address of their own to ask for TLS.
      const defaults = { ...account, socket: { ...socket, ...(protocol === "rediss:" && { tls: true }) } };
      return connected(exports.createCluster({ rootNodes: [{ url }], defaults }));
    },
  };
}
