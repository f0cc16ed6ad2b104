import { createHash } from "node:crypto";
import { Redis } from "ioredis5";
import { createClient } from "redis";
import { createIdempotency } from "../../../../src/index.ts";
import { redisStore } from "../../../../src/stores/redis/store.ts";
import { load } from "./versions.ts";

/** Sends by a peer: it calls `send` with the key for the provider, if it sends, and answers with the result. */
export type PeerSend = (
  key: string,
  ttlMs: number,
  send: (idempotencyKey: string) => Promise<unknown>,
) => Promise<unknown>;

/** How long a claim is good without word of its holder, where a peer has such a thing: longer than the longest fn. */
const CLAIM_MS = 4_000;
const HOST = "127.0.0.1";

/** This package and others that make something happen once with Redis, each as its documentation says. */
export const PEERS: Record<string, (port: number) => Promise<PeerSend>> = {
  "with-idempotency": ourselves,
  "@node-idempotency/core": nodeIdempotency,
  "AWS Powertools": powertools,
  "redlock and a stored result": redlock,
};

export function peerOf(name: string): (port: number) => Promise<PeerSend> {
  const peer = PEERS[name];
  if (peer === undefined) throw new Error(`expected one of ${Object.keys(PEERS).join(", ")}; got ${name}`);
  return peer;
}

/** None of them hands fn a key for its provider; the application's own does. */
const providerKey = (key: string) => createHash("sha256").update(key).digest("base64url");

async function ourselves(port: number): Promise<PeerSend> {
  const client = new Redis(port, HOST).on("error", () => {});
  const lease = { seconds: CLAIM_MS / 1_000 };
  const { withIdempotency } = createIdempotency({ store: redisStore(client), lease, storeTimeout: "1s" });
  return (key, ttlMs, send) =>
    withIdempotency(key, { seconds: ttlMs / 1_000 }, ({ idempotencyKey }) => send(idempotencyKey));
}

interface NodeIdempotency {
  onRequest(request: object): Promise<{ body?: unknown } | undefined>;
  onResponse(request: object, response: { body: unknown }): Promise<void>;
}

async function nodeIdempotency(port: number): Promise<PeerSend> {
  type Adapter = new (options: object) => { connect(): Promise<void> };
  type Core = new (storage: object, options: object) => NodeIdempotency;
  const { RedisStorageAdapter } = await load<{ RedisStorageAdapter: Adapter }>(
    "@node-idempotency/storage-adapter-redis",
  );
  const { Idempotency } = await load<{ Idempotency: Core }>("@node-idempotency/core");
  const storage = new RedisStorageAdapter({ url: `redis://${HOST}:${port}` });
  void storage.connect();
  const idempotency = new Idempotency(storage, { inProgressStrategy: { wait: true } });
  return async (key, ttlMs, send) => {
    const options = { cacheTTLMS: ttlMs };
    const request = { headers: { "Idempotency-Key": key }, path: "/", method: "POST", body: {}, options };
    const known = await idempotency.onRequest(request);
    if (known !== undefined) return known.body;
    const body = await send(providerKey(key));
    await idempotency.onResponse(request, { body });
    return body;
  };
}

async function powertools(port: number): Promise<PeerSend> {
  type Send = { key: string; send(idempotencyKey: string): Promise<unknown> };
  type Once = (work: Send) => Promise<unknown>;
  type Config = { registerLambdaContext(context: { getRemainingTimeInMillis(): number }): void };
  const { makeIdempotent, IdempotencyConfig } = await load<{
    makeIdempotent: (fn: Once, options: object) => Once;
    IdempotencyConfig: new (options: object) => Config;
  }>("@aws-lambda-powertools/idempotency");
  const { CachePersistenceLayer } = await load<{ CachePersistenceLayer: new (options: object) => object }>(
    "@aws-lambda-powertools/idempotency/cache",
  );
  const client = createClient({ url: `redis://${HOST}:${port}` }).on("error", () => {});
  client.connect().catch(() => {});
  const byTtl = new Map<number, Once>();
  const make = (ttlMs: number): Once => {
    const config = new IdempotencyConfig({ eventKeyJmesPath: "key", expiresAfterSeconds: ttlMs / 1_000 });
    config.registerLambdaContext({ getRemainingTimeInMillis: () => CLAIM_MS });
    const persistenceStore = new CachePersistenceLayer({ client });
    return makeIdempotent(({ key, send }) => send(providerKey(key)), { persistenceStore, config });
  };
  return (key, ttlMs, send) => {
    const once = byTtl.get(ttlMs) ?? make(ttlMs);
    byTtl.set(ttlMs, once);
    return once({ key, send });
  };
}

/** The recipe: a lock around "look for the result, else send and store it". */
async function redlock(port: number): Promise<PeerSend> {
  type Lock = { unlock(): Promise<void> };
  type Redlock = new (clients: Redis[]) => { lock(name: string, ttlMs: number): Promise<Lock> };
  const { default: Locks } = await load<{ default: Redlock }>("redlock");
  const client = new Redis(port, HOST).on("error", () => {});
  const locks = new Locks([client]);
  const known = async (key: string) => {
    const text = await client.get(`result:${key}`);
    return text === null ? undefined : { value: JSON.parse(text) as unknown };
  };
  return async (key, ttlMs, send) => {
    const before = await known(key);
    if (before) return before.value;
    const lock = await locks.lock(`lock:${key}`, CLAIM_MS);
    try {
      const meanwhile = await known(key);
      if (meanwhile) return meanwhile.value;
      const value = await send(providerKey(key));
      await client.set(`result:${key}`, JSON.stringify(value), "PX", ttlMs);
      return value;
    } finally {
      // What cannot be unlocked lapses.
      await lock.unlock().catch(() => {});
    }
  };
}
