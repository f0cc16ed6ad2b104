// Measures one candidate with 64 calls in flight, in a process of its own: bench/redis-crowd.ts URL CLIENT WHO WHAT
import { Redis } from "ioredis";
import { createClient } from "redis";
import type * as RedisEntry from "with-idempotency/redis";
import { FENCED, FENCED_SHA1 } from "./fenced.ts";
import { built, keyOf, library, TTL, TTL_MS, tokenOf } from "./library.ts";
import { costAlone, report } from "./measure.ts";
import { IN_FLIGHT, inFlight, send, text } from "./stores.ts";

const { redisStore } = await built<typeof RedisEntry>("redis");

const CLAIM = { condition: "NX", GET: true, expiration: { type: "PX", value: TTL_MS } } as const;

const [url = "", client = "", who = "", what = ""] = process.argv.slice(2);

/** What a careful hand writes on the bare client: a claim that nobody else can make, and a fenced completion. */
interface Bare {
  claim(key: string, token: string): Promise<string | null>;
  complete(key: string, token: string): Promise<unknown>;
}

async function connect(): Promise<{ bare: Bare; store: ReturnType<typeof redisStore> }> {
  if (client === "ioredis") {
    const redis = new Redis(url);
    await redis.script("LOAD", FENCED);
    const bare: Bare = {
      claim: (key, token) => redis.set(key, token, "PX", TTL_MS, "NX", "GET"),
      complete: (key, token) => redis.evalsha(FENCED_SHA1, 1, key, token, text, TTL_MS),
    };
    return { bare, store: redisStore(redis) };
  }
  const redis = await createClient({ url }).connect();
  await redis.scriptLoad(FENCED);
  const bare: Bare = {
    claim: (key, token) => redis.set(key, token, CLAIM),
    complete: (key, token) =>
      redis.evalSha(FENCED_SHA1, { keys: [key], arguments: [token, text, `${TTL_MS}`] }),
  };
  return { bare, store: redisStore(redis) };
}

const { bare, store } = await connect();
const { withIdempotency } = library.createIdempotency({ store });
// No other process begins with it.
const own = `${process.pid}:${Date.now()}`;
let fresh = 0;

async function rawFirst(key = `raw:${own}:${keyOf(fresh++)}`): Promise<void> {
  const token = tokenOf();
  await bare.claim(key, token);
  await bare.complete(key, token);
}

const ACTS: Record<string, () => Promise<unknown>> = {
  "raw first": () => rawFirst(),
  "raw replay": async () => JSON.parse((await bare.claim("raw:replayed", tokenOf()))!),
  "our first": () => withIdempotency(`${own}:${keyOf(fresh++)}`, TTL, send),
  // As many keys as calls in flight: calls with one key are shared within a process.
  "our replay": () => withIdempotency(`replayed:${fresh++ % IN_FLIGHT}`, TTL, send),
};

await rawFirst("raw:replayed");
for (let n = 0; n < IN_FLIGHT; n++) await ACTS["our replay"]!();
report(await costAlone(inFlight(who === "raw" ? client : "with-idempotency", ACTS[`${who} ${what}`]!)));
process.exit();
