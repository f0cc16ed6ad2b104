import { LRUCache } from "lru-cache";
import { keyOf, library, receipt, TTL, TTL_MS } from "./library.ts";
import { type Candidate, compare, inCpu, inTime, type Measured, type Row, report } from "./measure.ts";

const FEW = 1_000;
const MANY = 1_000_000;

// As many keys in use either way: what differs is the number of those beside them.
const inUse = (keys: number) => Array.from({ length: FEW }, (_, n) => keyOf((n * keys) / FEW));

/** lru-cache's own replays: what the processor's caches make of that many keys. */
function rawReplay(keys: number): Candidate {
  const cache = new LRUCache<string, string>({ max: keys, ttl: TTL_MS });
  for (let n = 0; n < keys; n++) cache.set(keyOf(n), JSON.stringify(receipt(1)));
  const used = inUse(keys);
  return {
    name: `${keys} keys of lru-cache`,
    run: async count => {
      for (let n = 0; n < count; n++) await JSON.parse(cache.get(used[n % FEW]!)!);
    },
  };
}

/** A full store, in which each new key replaces an old one: the number of live keys stays as it is. */
async function population(keys: number): Promise<{ replay: Candidate; first: Candidate }> {
  const store = library.memoryStore({ maxEntries: keys });
  const { withIdempotency } = library.createIdempotency({ store });
  const fn = async () => receipt(1);
  for (let n = 0; n < keys; n++) await withIdempotency(keyOf(n), TTL, fn);
  const used = inUse(keys);
  const name = `${keys} keys`;
  let fresh = keys;
  const replay = async (count: number) => {
    for (let n = 0; n < count; n++) await withIdempotency(used[n % FEW]!, TTL, fn);
  };
  const first = async (count: number) => {
    for (let n = 0; n < count; n++) await withIdempotency(keyOf(fresh++), TTL, fn);
  };
  return { replay: { name, run: replay }, first: { name, run: first } };
}

function row(measure: string, target: string, [few, many]: Measured[]): Row {
  return {
    measure: `${measure} at 1,000,000 live keys`,
    ours: inTime(many!.nanoseconds),
    reference: `${inTime(few!.nanoseconds)} (at 1,000)`,
    cpu: inCpu(many!, few!),
    ratio: `${(1 / many!.ratio).toFixed(2)} × the time`,
    target,
  };
}

const few = await population(FEW);
const many = await population(MANY);
const rows = [
  row("replay", "≤ 1.5 ×", await compare([few.replay, many.replay])),
  row("first execution", "≤ 1.5 ×", await compare([few.first, many.first])),
  row("for comparison: lru-cache's `get` and `JSON.parse`", "–", await compare([FEW, MANY].map(rawReplay))),
];
report({ rows });
