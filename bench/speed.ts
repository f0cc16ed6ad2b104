import { LRUCache } from "lru-cache";
import { keyOf, library, receipt, TTL, TTL_MS } from "./library.ts";
import { type Candidate, compare, inTime, type Measured, type Row, report } from "./measure.ts";
import { durationPeers, peers } from "./peers.ts";

// Room for all fresh keys of a run, so that neither side evicts.
const MAX_ENTRIES = 2 ** 21;

const text = JSON.stringify(receipt(1));
const send = async () => receipt(1);

/** The raw limit: a text in lru-cache, read back on each replay. */
function rawReplay(): Candidate {
  const cache = new LRUCache<string, string>({ max: MAX_ENTRIES, ttl: TTL_MS });
  cache.set("replayed", text);
  return {
    name: "lru-cache",
    run: async count => {
      for (let n = 0; n < count; n++) await JSON.parse(cache.get("replayed")!);
    },
  };
}

function rawFirst(): Candidate {
  const cache = new LRUCache<string, string>({ max: MAX_ENTRIES, ttl: TTL_MS });
  let fresh = 0;
  return {
    name: "lru-cache",
    run: async count => {
      for (let n = 0; n < count; n++) {
        const key = keyOf(fresh++);
        if (cache.get(key) === undefined) cache.set(key, text);
      }
    },
  };
}

const ours = () =>
  library.createIdempotency({ store: library.memoryStore({ maxEntries: MAX_ENTRIES }) }).withIdempotency;

async function ourReplay(): Promise<Candidate> {
  const withIdempotency = ours();
  await withIdempotency("replayed", TTL, send);
  return {
    name: "with-idempotency",
    run: async count => {
      for (let n = 0; n < count; n++) await withIdempotency("replayed", TTL, send);
    },
  };
}

function ourFirst(fn: () => unknown): Candidate {
  const withIdempotency = ours();
  let fresh = 0;
  return {
    name: "with-idempotency",
    run: async count => {
      for (let n = 0; n < count; n++) await withIdempotency(keyOf(fresh++), TTL, fn);
    },
  };
}

const ourDuration: Candidate = {
  name: "with-idempotency",
  run: async count => {
    for (let n = 0; n < count; n++) library.parseDuration("5m");
  },
};

function row(measure: string, [raw, own]: Measured[], target: string): Row {
  return {
    measure,
    ours: inTime(own!.nanoseconds),
    reference: `${inTime(raw!.nanoseconds)} (${raw!.name})`,
    ratio: `${own!.ratio.toFixed(2)} ×`,
    target,
  };
}

const others = process.argv.includes("--peers") ? await peers() : [];
const replay = await compare([rawReplay(), await ourReplay(), ...others.map(peer => peer.replay)]);
const first = await compare([rawFirst(), ourFirst(send), ...others.map(peer => peer.first)]);
const firstAtOnce = await compare([rawFirst(), ourFirst(() => receipt(1))]);
const duration = await compare([...(others.length > 0 ? await durationPeers() : []), ourDuration]);

const rows = [
  row("replay of a small object, each caller its own copy", replay, "≥ 0.8 ×"),
  row("first execution, fresh key, asynchronous `fn`", first, "≥ 0.5 ×"),
  row("first execution, fresh key, synchronous `fn`", firstAtOnce, "≥ 0.5 ×"),
];
if (duration.length > 1) rows.push(row('`parseDuration("5m")`', duration, "≥ 1 ×"));
const peerRows = others.map(({ name }, index) => ({
  name,
  replay: replay[index + 2],
  first: first[index + 2],
}));
report({ rows, peers: peerRows });
