import { Redis } from "ioredis";
import type * as RedisEntry from "with-idempotency/redis";
import { PEERS } from "../test/proof/chaos/peers/peers.ts";
import { installPeers } from "../test/proof/chaos/peers/versions.ts";
import { startRedis } from "../test/support/servers/redis.ts";
import { compareFresh } from "./child.ts";
import { FENCED, FENCED_SHA1 } from "./fenced.ts";
import { built, keyOf, library, TTL, TTL_MS, tokenOf } from "./library.ts";
import { type Candidate, compare, type Row, report } from "./measure.ts";
import type { PeerRow } from "./report.ts";
import { crowds, IN_FLIGHT, oneByOne, row, send, text } from "./stores.ts";

const { redisStore } = await built<typeof RedisEntry>("redis");

let fresh = 0;

const server = await startRedis();
const redis = new Redis(server.url);

/** What a careful hand writes on the bare client: a claim that nobody else can make, and a fenced completion. */
const RAW = {
  async first() {
    const key = `raw:${keyOf(fresh++)}`;
    const token = tokenOf();
    await redis.set(key, token, "PX", TTL_MS, "NX", "GET");
    await redis.evalsha(FENCED_SHA1, 1, key, token, text, TTL_MS);
  },
  replay: async () => JSON.parse((await redis.set("raw:replayed", tokenOf(), "PX", TTL_MS, "NX", "GET"))!),
};

const { withIdempotency } = library.createIdempotency({ store: redisStore(redis) });
const OURS = {
  first: () => withIdempotency(keyOf(fresh++), TTL, send),
  replay: () => withIdempotency("replayed", TTL, send),
};

const both = (what: keyof typeof RAW, others: Candidate[]) =>
  compare([oneByOne("ioredis", RAW[what]), oneByOne("with-idempotency", OURS[what]), ...others]);

/** Another package, in both of its situations, one call at a time. */
interface Other {
  name: string;
  first: Candidate;
  replay: Candidate;
}

/** The packages that make something happen once with Redis, as under chaos. */
async function others(): Promise<Other[]> {
  await installPeers();
  const names = Object.keys(PEERS).filter(name => name !== "with-idempotency");
  return Promise.all(
    names.map(async name => {
      const once = await PEERS[name]!(server.port);
      const first = () => once(keyOf(fresh++), TTL_MS, send);
      const replay = () => once("replayed", TTL_MS, send);
      await replay();
      return { name, first: oneByOne(name, first), replay: oneByOne(name, replay) };
    }),
  );
}

async function speed(compared: readonly Other[]): Promise<{ rows: Row[]; peers: PeerRow[] }> {
  await redis.script("LOAD", FENCED);
  await redis.set("raw:replayed", text, "PX", TTL_MS);
  await OURS.replay();
  const firsts = compared.map(other => other.first);
  const replays = compared.map(other => other.replay);
  const [first, replay] = [await both("first", firsts), await both("replay", replays)];
  const rows = [
    row("Redis: first execution, one at a time", first, "≤ 1.15 ×"),
    row("Redis: replay, one at a time", replay, "≤ 1.15 ×"),
    crowded("ioredis", "first", "≥ 1 ×"),
    crowded("ioredis", "replay", "≥ 1 ×"),
    crowded("node-redis", "first", "≥ 1.2 ×"),
    crowded("node-redis", "replay", "≥ 1.5 ×"),
  ];
  const peers = compared.map(({ name }, index) => ({
    name,
    replay: replay[index + 2]!,
    first: first[index + 2]!,
  }));
  return { rows, peers };
}

/** Many calls in flight: the bare client and ours in processes of their own, as an application has one of them. */
function crowded(client: string, what: keyof typeof RAW, target: string): Row {
  const candidates = ["raw", "our"].map(who => [server.url, client, who, what]);
  const [raw, own] = compareFresh("redis-crowd.ts", candidates);
  const name = what === "first" ? "first execution" : what;
  return row(
    `Redis by ${client}: ${name}, ${IN_FLIGHT} in flight`,
    [{ ...raw!, name: client }, own!],
    target,
    false,
  );
}

/** Four clients with a store each, which share no runs, as four processes do. */
async function duplicates(): Promise<Row> {
  const clients = Array.from({ length: 4 }, () => new Redis(server.url));
  const measured = await crowds(
    "Redis",
    clients.map(client => redisStore(client)),
    "≤ 1.5 ×",
  );
  for (const client of clients) client.disconnect();
  return measured;
}

async function scale(): Promise<Row> {
  const many = await startRedis({ args: ["--enable-debug-command", "local"] });
  const client = new Redis(many.url);
  await client.call("DEBUG", "POPULATE", "1000000", "idempotency:live", "100");
  const crowded = library.createIdempotency({ store: redisStore(client) });
  const [few, much] = await compare([
    oneByOne("at 1,000", OURS.first),
    oneByOne("at 1,000,000", () => crowded.withIdempotency(keyOf(fresh++), TTL, send)),
  ]);
  client.disconnect();
  await many.stop();
  return row("Redis: first execution at 1,000,000 live records", [few!, much!], "≤ 1.5 ×");
}

async function bytes(): Promise<Row> {
  await redis.set("idempotency:size:1", text, "PX", TTL_MS);
  await library.createIdempotency({ store: redisStore(redis) }).withIdempotency("size:2", TTL, send);
  const [raw, own] = await Promise.all([1, 2].map(n => redis.memory("USAGE", `idempotency:size:${n}`)));
  return {
    measure: "Redis: memory per record",
    ours: `${own} bytes`,
    reference: `${raw} bytes (SET of the same result)`,
    ratio: `${(Number(own) / Number(raw)).toFixed(2)} × the memory`,
    target: "≤ 1.3 ×",
  };
}

try {
  const size = await bytes();
  const crowd = await duplicates();
  const live = await scale();
  const { rows, peers } = await speed(process.argv.includes("--peers") ? await others() : []);
  report({ rows: [...rows, crowd, live, size], peers });
} finally {
  redis.disconnect();
  // The others' clients complain when the server goes, some where the report stands, and try to reconnect for ever.
  Object.assign(console, { log() {}, error() {} });
  await server.stop();
}
process.exit();
