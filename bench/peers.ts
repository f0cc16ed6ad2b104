import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { keyOf, receipt, TTL_MS } from "./library.ts";
import type { Candidate } from "./measure.ts";

type Once = (key: string) => Promise<unknown>;

// Peers are no dependencies of this repository: they live in this folder's own node_modules, if anywhere.
const require = createRequire(import.meta.url);

async function load<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(require.resolve(name)).href)) as T;
}

// For packages that `require` cannot resolve.
const installed = (path: string) => new URL(`./node_modules/${path}`, import.meta.url);

const send = async () => receipt(1);

async function pMemoize(): Promise<Once> {
  type Memoize = (fn: (key: string) => Promise<unknown>) => Once;
  const { default: memoize } = (await import(installed("p-memoize/dist/index.js").href)) as {
    default: Memoize;
  };
  return memoize(send);
}

interface GetSet {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, ttlMs: number): Promise<unknown>;
}

async function keyv(): Promise<Once> {
  const { default: Keyv } = await load<{ default: new () => GetSet }>("keyv");
  const cache = new Keyv();
  return async key => {
    const known = await cache.get(key);
    if (known !== undefined) return known;
    const value = await send();
    await cache.set(key, value, TTL_MS);
    return value;
  };
}

interface RequestOf {
  headers: Record<string, string>;
  path: string;
  method: string;
  body: object;
}

interface NodeIdempotency {
  onRequest(request: RequestOf): Promise<{ body?: unknown } | undefined>;
  onResponse(request: RequestOf, response: { body: unknown }): Promise<void>;
}

async function nodeIdempotency(): Promise<Once> {
  type Core = { Idempotency: new (storage: object, options: object) => NodeIdempotency };
  const { Idempotency } = await load<Core>("@node-idempotency/core");
  const { MemoryStorageAdapter } = await load<{ MemoryStorageAdapter: new () => object }>(
    "@node-idempotency/storage-adapter-memory",
  );
  const idempotency = new Idempotency(new MemoryStorageAdapter(), { cacheTTLMS: TTL_MS });
  return async key => {
    const request = { headers: { "Idempotency-Key": key }, path: "/emails", method: "POST", body: {} };
    const known = await idempotency.onRequest(request);
    if (known !== undefined) return known.body;
    const value = await send();
    await idempotency.onResponse(request, { body: value });
    return value;
  };
}

async function bentocache(): Promise<Once> {
  type Cache = { getOrSet(options: { key: string; ttl: string; factory: () => unknown }): Promise<unknown> };
  type Store = { useL1Layer(driver: unknown): Store };
  type Bento = {
    BentoCache: new (options: object) => Cache;
    bentostore: () => Store;
  };
  const folder = installed("bentocache/build/");
  const { BentoCache, bentostore } = (await import(new URL("index.js", folder).href)) as Bento;
  const { memoryDriver } = (await import(new URL("src/drivers/memory.js", folder).href)) as {
    memoryDriver: (options: object) => unknown;
  };
  const layer = bentostore().useL1Layer(memoryDriver({ maxItems: 2 ** 21, serialize: true }));
  const cache = new BentoCache({ default: "memory", stores: { memory: layer } });
  return key => cache.getOrSet({ key, ttl: "24h", factory: send });
}

async function powertools(): Promise<Once> {
  type Make = (fn: () => Promise<unknown>, options: object) => (payload: { key: string }) => Promise<unknown>;
  type Config = { registerLambdaContext(context: { getRemainingTimeInMillis(): number }): void };
  const { makeIdempotent, IdempotencyConfig } = await load<{
    makeIdempotent: Make;
    IdempotencyConfig: new (options: object) => Config;
  }>("@aws-lambda-powertools/idempotency");
  const { CachePersistenceLayer } = await load<{ CachePersistenceLayer: new (options: object) => object }>(
    "@aws-lambda-powertools/idempotency/cache",
  );
  const texts = new Map<string, string>();
  const client = {
    get: async (name: string) => texts.get(name) ?? null,
    set: async (name: string, value: string, { NX }: { NX?: boolean } = {}) => {
      if (NX && texts.has(name)) return null;
      texts.set(name, value);
      return "OK";
    },
    del: async (names: string[]) => names.filter(name => texts.delete(name)).length,
  };
  const config = new IdempotencyConfig({});
  // Without a context it warns at each call.
  config.registerLambdaContext({ getRemainingTimeInMillis: () => 60_000 });
  const once = makeIdempotent(send, { persistenceStore: new CachePersistenceLayer({ client }), config });
  return key => once({ key });
}

/** The packages that do a comparable job, each as its documentation says and with what it keeps in memory. */
export const PEERS: Readonly<Record<string, () => Promise<Once>>> = {
  "p-memoize (shares one object)": pMemoize,
  keyv,
  "@node-idempotency/core": nodeIdempotency,
  bentocache,
  "AWS Powertools": powertools,
};

/** What a package is measured by: `replay`, or `first`. */
export async function peer(name: string, situation: string): Promise<Candidate["run"]> {
  const make = PEERS[name];
  if (make === undefined) throw new Error(`expected a candidate's name, got ${JSON.stringify(name)}`);
  const once = await make();
  await once("replayed");
  let n = 0;
  const key = situation === "replay" ? () => "replayed" : () => keyOf(n++);
  return async count => {
    for (let i = 0; i < count; i++) await once(key());
  };
}

export async function durationPeer(): Promise<Candidate["run"]> {
  const { parse } = await load<{ parse: (text: string) => number | undefined }>("@lukeed/ms");
  return async count => {
    for (let n = 0; n < count; n++) parse("5m");
  };
}
