import { setTimeout as sleep } from "node:timers/promises";
import { type RedisConfigNodejs, Redis as Upstash } from "@upstash/redis";
import {
  GlideClient,
  type GlideClientConfiguration,
  GlideClusterClient,
  Logger,
  ProtocolVersion,
} from "@valkey/valkey-glide";
import { Redis as Ioredis, Cluster as IoredisCluster } from "ioredis";
import { Redis as Ioredis5 } from "ioredis5";
import { Redis as Valkey } from "iovalkey";
import { createClient, createCluster } from "redis";
import { createClient as createClient5 } from "redis5";
import type { RedisClient } from "../../../src/stores/redis/client.ts";
import { startUpstash, type UpstashEndpoint } from "../../support/servers/upstash.ts";

/** A client, and how it ends. */
export interface Connected {
  client: RedisClient;
  close(): Promise<unknown>;
}

type Connect = (url: string) => Promise<Connected>;

const endpoint = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) });

function ended(client: { disconnect(): void }): () => Promise<void> {
  return async () => client.disconnect();
}

// Each failure rejects what was asked as well.
function quiet<T extends { on(event: "error", listener: () => void): unknown }>(client: T): T {
  client.on("error", () => {});
  return client;
}

/** Each client that the store runs with, on one server. */
export const CLIENTS: Record<string, Connect> = {
  "ioredis 6": async url => {
    const client = new Ioredis(url);
    return { client, close: ended(client) };
  },
  "ioredis 6 with a keyPrefix": async url => {
    const client = new Ioredis(url, { keyPrefix: "app:" });
    return { client, close: ended(client) };
  },
  "ioredis 5": async url => {
    const client = new Ioredis5(url);
    return { client, close: ended(client) };
  },
  iovalkey: async url => {
    const client = new Valkey(url);
    return { client, close: ended(client) };
  },
  "node-redis 6": async url => {
    const client = await createClient({ url }).connect();
    return { client, close: async () => client.destroy() };
  },
  "node-redis 6 with a keyPrefix": async url => {
    const client = await createClient({ url, keyPrefix: "app:" }).connect();
    return { client, close: async () => client.destroy() };
  },
  "node-redis 6 with RESP2": async url => {
    const client = await createClient({ url, RESP: 2 }).connect();
    return { client, close: async () => client.destroy() };
  },
  "node-redis 5": async url => {
    const client = await createClient5({ url }).connect();
    return { client, close: async () => client.destroy() };
  },
};

/** Valkey GLIDE, whose native part comes with its npm packages. */
export const VALKEY_GLIDE: Connect = url => connectGlide(url);

/** Those that have no subscriptions: waiters poll. */
export const POLLING_CLIENTS: Record<string, Connect> = {
  "Valkey GLIDE with RESP2": url => connectGlide(url, { protocol: ProtocolVersion.RESP2 }),
  "Upstash's client": url => connectUpstash(url),
};

// It prints each failure, which rejects what was asked as well.
Logger.init("off");

// By itself it waits no longer than 250 ms for an answer, which is little for a machine that has a whole suite to run.
const SETTINGS = { requestTimeout: 5_000 };

export async function connectGlide(
  url: string,
  settings: Partial<GlideClientConfiguration> = {},
): Promise<Connected & { client: GlideClient }> {
  const client = await GlideClient.createClient({ addresses: [endpoint(url)], ...SETTINGS, ...settings });
  return { client, close: async () => client.close() };
}

/** Upstash's client, with an endpoint of its own. */
export async function connectUpstash(
  url: string,
  settings: Partial<RedisConfigNodejs> = {},
): Promise<Connected & { client: Upstash; endpoint: UpstashEndpoint }> {
  const endpoint = await startUpstash(url);
  const client = new Upstash({
    url: endpoint.url,
    token: endpoint.token,
    enableTelemetry: false,
    ...settings,
  });
  return { client, endpoint, close: () => endpoint.stop() };
}

/** Clients as they come, which need not be connected yet, and live on when the server is not there. */
export const DEFAULT_CLIENTS: Record<string, Connect> = {
  "ioredis 6": async url => {
    const client = quiet(new Ioredis(url));
    return { client, close: ended(client) };
  },
  "ioredis 5": async url => {
    const client = quiet(new Ioredis5(url));
    return { client, close: ended(client) };
  },
  "node-redis 6": async url => {
    const client = quiet(createClient({ url }));
    client.connect().catch(() => {});
    return { client, close: async () => client.destroy() };
  },
};

/** The clients of a cluster. */
export const CLUSTER_CLIENTS: Record<string, Connect> = {
  "ioredis 6's Cluster": async url => {
    const client = quiet(new IoredisCluster([endpoint(url)]));
    while (client.status !== "ready") await sleep(20);
    return { client, close: ended(client) };
  },
  "node-redis 6's cluster": async url => {
    const client = await quiet(createCluster({ rootNodes: [{ url }] })).connect();
    return { client, close: async () => client.destroy() };
  },
  "Valkey GLIDE's cluster client": async url => {
    const client = await GlideClusterClient.createClient({ addresses: [endpoint(url)], ...SETTINGS });
    return { client, close: async () => client.close() };
  },
};

/** Counts what a client of ioredis hands to its connection. */
export function countWrites(client: unknown): { count: number } {
  const counter = { count: 0 };
  // biome-ignore lint/suspicious/noExplicitAny: a stream's inner methods.
  const { stream } = client as any;
  for (const method of ["_write", "_writev"]) {
    const original = stream[method];
    stream[method] = function (...args: unknown[]) {
      counter.count += 1;
      return original.apply(this, args);
    };
  }
  return counter;
}

/** Those by which `npm test` has the whole suite run; by the others it runs in `npm run test:slow`. */
export const USUAL_CLIENTS: readonly string[] = ["ioredis 6", "node-redis 6"];
