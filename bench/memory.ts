// Measures one candidate, in a process of its own: node bench/memory.ts <name>
import { LRUCache } from "lru-cache";
import { keyOf, library, nested, receipt, TTL, TTL_MS } from "./library.ts";
import { type Candidate, type Cost, costAlone, costInBatches, report } from "./measure.ts";
import { durationPeer, peer } from "./peers.ts";

// Room for all fresh keys of a run, so that neither side evicts.
const MAX_ENTRIES = 2 ** 20;
// So many keys, in batches of so many, where each call has a key of its own: the same for all candidates, because a
// fuller store is slower.
const KEYS = 200_000;
const BATCH = 1_000;

const cacheOf = () => new LRUCache<string, string>({ max: MAX_ENTRIES, ttl: TTL_MS });
const instanceOf = () =>
  library.createIdempotency({ store: library.memoryStore({ maxEntries: MAX_ENTRIES }) }).withIdempotency;

const repeated = (act: () => unknown): Candidate["run"] => {
  return async count => {
    for (let n = 0; n < count; n++) await act();
  };
};

/** The limit: a text in lru-cache, read back on each replay. */
function rawReplay(result: unknown): Candidate["run"] {
  const cache = cacheOf();
  cache.set("replayed", JSON.stringify(result));
  return repeated(() => JSON.parse(cache.get("replayed")!));
}

async function ourReplay(result: unknown): Promise<Candidate["run"]> {
  const withIdempotency = instanceOf();
  const fn = async () => result;
  await withIdempotency("replayed", TTL, fn);
  return repeated(() => withIdempotency("replayed", TTL, fn));
}

function rawFirst(): Candidate["run"] {
  const cache = cacheOf();
  const text = JSON.stringify(receipt(1));
  let fresh = 0;
  return async count => {
    for (let n = 0; n < count; n++) {
      const key = keyOf(fresh++);
      if (cache.get(key) === undefined) cache.set(key, text);
    }
  };
}

/** The same by hand: a mark that it runs, the run, and its result's text. No token, no lease, and nothing shared. */
function handFirst(): Candidate["run"] {
  const cache = cacheOf();
  const send = async () => receipt(1);
  let fresh = 0;
  return repeated(async () => {
    const key = keyOf(fresh++);
    const found = cache.get(key);
    if (found !== undefined) return JSON.parse(found);
    cache.set(key, "running");
    const result = await send();
    cache.set(key, JSON.stringify(result));
    return result;
  });
}

type Fn = Parameters<typeof library.withIdempotency>[2];

function ourFirst(fn: Fn): Candidate["run"] {
  const withIdempotency = instanceOf();
  let fresh = 0;
  return repeated(() => withIdempotency(keyOf(fresh++), TTL, fn));
}

/** Replays that many keys one after the other, each for the first time. */
type Pass = () => Promise<Candidate["run"]>;

const rawPass: Pass = async () => {
  const cache = cacheOf();
  for (let n = 0; n < KEYS; n++) cache.set(keyOf(n), JSON.stringify(receipt(n)));
  let next = 0;
  return repeated(() => JSON.parse(cache.get(keyOf(next++))!));
};

const ourPass: Pass = async () => {
  const withIdempotency = instanceOf();
  for (let n = 0; n < KEYS; n++) await withIdempotency(keyOf(n), TTL, async () => receipt(n));
  const again = async () => receipt(0);
  let next = 0;
  return repeated(() => withIdempotency(keyOf(next++), TTL, again));
};

/** A whole pass to warm up, and then one that counts, after a collection of all garbage. */
async function once(name: string, pass: Pass): Promise<Cost> {
  await (await pass())(KEYS);
  const run = await pass();
  globalThis.gc?.();
  return costInBatches({ name, run }, BATCH, KEYS / BATCH);
}

/** As many first executions to warm up as are measured. */
async function fresh(name: string, making: Candidate["run"] | Promise<Candidate["run"]>): Promise<Cost> {
  const run = await making;
  await run(KEYS);
  globalThis.gc?.();
  return costInBatches({ name, run }, BATCH, KEYS / BATCH);
}

const alone = async (name: string, run: Candidate["run"] | Promise<Candidate["run"]>) =>
  costAlone({ name, run: await run });

const CANDIDATES: Readonly<Record<string, (name: string) => Promise<Cost>>> = {
  "raw-replay": name => alone(name, rawReplay(receipt(1))),
  "our-replay": name => alone(name, ourReplay(receipt(1))),
  "raw-replay-nested": name => alone(name, rawReplay(nested)),
  "our-replay-nested": name => alone(name, ourReplay(nested)),
  "raw-once": name => once(name, rawPass),
  "our-once": name => once(name, ourPass),
  "raw-first": name => fresh(name, rawFirst()),
  "hand-first": name => fresh(name, handFirst()),
  "our-first": name =>
    fresh(
      name,
      ourFirst(async () => receipt(1)),
    ),
  "our-first-sync": name =>
    fresh(
      name,
      ourFirst(() => receipt(1)),
    ),
  "our-first-key": name =>
    fresh(
      name,
      ourFirst(async execution => ({ ...receipt(1), messageId: execution.idempotencyKey })),
    ),
  "our-duration": name =>
    alone(
      name,
      repeated(() => library.parseDuration("5m")),
    ),
  "raw-duration": async name => alone(name, await durationPeer()),
};

const [name = "", situation = ""] = process.argv.slice(2);
const known = CANDIDATES[name];
const measurePeer = situation === "first" ? fresh : alone;
report(await (known === undefined ? measurePeer(name, peer(name, situation)) : known(name)));
