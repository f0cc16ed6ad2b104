import { LRUCache } from "lru-cache";
import { keyOf, library, receipt, TTL, TTL_MS } from "./library.ts";
import { report } from "./measure.ts";

// One candidate to a process, which starts with --expose-gc: node bench/heap.ts ours|lru-cache
const KEYS = 100_000;

async function fillOurs(): Promise<unknown> {
  const store = library.memoryStore({ maxEntries: KEYS });
  const { withIdempotency } = library.createIdempotency({ store });
  for (let n = 0; n < KEYS; n++) await withIdempotency(keyOf(n), TTL, () => receipt(n));
  return store;
}

async function fillCache(): Promise<unknown> {
  const cache = new LRUCache<string, string>({ max: KEYS, ttl: TTL_MS });
  for (let n = 0; n < KEYS; n++) cache.set(keyOf(n), JSON.stringify(receipt(n)));
  return cache;
}

/** What lives on the heap and in the buffers beside it, once all that is garbage has gone. */
async function liveBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc!();
    await new Promise(setImmediate);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const fill = process.argv.includes("ours") ? fillOurs : fillCache;
const before = await liveBytes();
const filled = await fill();
const after = await liveBytes();
report({ bytesPerKey: (after - before) / KEYS, kept: filled !== undefined });
