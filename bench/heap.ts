// One candidate to a process, which starts with --expose-gc: node bench/heap.ts ours|lru-cache flat|nested
import { LRUCache } from "lru-cache";
import { keyOf, library, nested, receipt, TTL } from "./library.ts";
import { report } from "./measure.ts";

const KEYS = 100_000;
const [candidate = "ours", shape = "flat"] = process.argv.slice(2);

const result = shape === "flat" ? receipt : (n: number) => ({ ...nested, id: n });

/** What is full, and what replays each key once. */
interface Filled {
  held: unknown;
  replay(): Promise<void>;
}

async function fillOurs(): Promise<Filled> {
  const store = library.memoryStore({ maxEntries: KEYS });
  const { withIdempotency } = library.createIdempotency({ store });
  const callAll = async () => {
    for (let n = 0; n < KEYS; n++) await withIdempotency(keyOf(n), TTL, () => result(n));
  };
  await callAll();
  return { held: store, replay: callAll };
}

async function fillCache(): Promise<Filled> {
  const cache = new LRUCache<string, string>({ max: KEYS });
  for (let n = 0; n < KEYS; n++) cache.set(keyOf(n), JSON.stringify(result(n)));
  const replay = async () => {
    for (let n = 0; n < KEYS; n++) JSON.parse(cache.get(keyOf(n))!);
  };
  return { held: cache, replay };
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

const before = await liveBytes();
const filled = await (candidate === "ours" ? fillOurs() : fillCache());
const after = await liveBytes();
await filled.replay();
const replayed = await liveBytes();
report({
  bytesPerKey: (after - before) / KEYS,
  bytesPerKeyReplayed: (replayed - before) / KEYS,
  kept: filled.held !== undefined,
});
