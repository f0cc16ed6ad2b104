import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import Database from "libsql";
import pg from "pg";
import { createClient } from "redis";
import type { IdempotencyStore } from "with-idempotency";
import type * as PostgresEntry from "with-idempotency/postgres";
import type * as RedisEntry from "with-idempotency/redis";
import type * as SqliteEntry from "with-idempotency/sqlite";
import { openPostgresStore } from "../src/stores/postgres/store.ts";
import { startPostgres } from "../test/support/servers/postgres.ts";
import { startRedis } from "../test/support/servers/redis.ts";
import { built, keyOf, library, receipt, TTL } from "./library.ts";
import { type Cost, type Row, report, summarize } from "./measure.ts";
import { IN_FLIGHT, send } from "./stores.ts";

const { redisStore } = await built<typeof RedisEntry>("redis");
const { postgresSchema, postgresStore } = await built<typeof PostgresEntry>("postgres");
const { sqliteStore } = await built<typeof SqliteEntry>("sqlite");

const BATCH = 500;
const ROUNDS = 7;
// A statement a call, as many at once as there are calls.
const UNGATHERED = { lanes: Number.POSITIVE_INFINITY, fewest: Number.POSITIVE_INFINITY };

/** A way to send to all of those keys, once each. */
interface Way {
  readonly name: string;
  readonly store: IdempotencyStore;
  readonly how: (store: IdempotencyStore, keys: readonly string[]) => Promise<unknown>;
}

/** The outcome of each key, which is what a batch gives too. */
async function single(store: IdempotencyStore, keys: readonly string[], lanes: number): Promise<unknown> {
  const { execute } = library.createIdempotency({ store });
  const left = keys.entries();
  const outcomes: unknown[] = [];
  const lane = async () => {
    for (const [n, key] of left) outcomes[n] = await execute(key, TTL, send);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return outcomes;
}

async function inBatches(store: IdempotencyStore, keys: readonly string[]): Promise<void> {
  const { executeMany } = library.createIdempotency({ store });
  const outcomes = await executeMany(keys, { key: key => key, ttl: TTL, batchSize: BATCH }, batch =>
    batch.map((_, n) => receipt(n)),
  );
  if (outcomes.some(({ status }) => status !== "fulfilled")) throw new Error("an item was not sent");
}

const alone = (store: IdempotencyStore, keys: readonly string[]) => single(store, keys, 1);
const flight = (store: IdempotencyStore, keys: readonly string[]) => single(store, keys, IN_FLIGHT);

/** Both ways in turn, round by round: fresh keys first, and then the same once more, which are replays. */
async function compared(name: string, count: number, [reference, own]: [Way, Way], aims: [string, string]) {
  const rounds: { first: Cost[]; replay: Cost[] }[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const costs = { first: [] as Cost[], replay: [] as Cost[] };
    for (const { store, how, name: way } of [reference, own]) {
      const keys = Array.from({ length: count }, (_, n) => keyOf(n).replace("order", `${way}-${round}`));
      costs.first.push(await costOf(count, () => how(store, keys)));
      costs.replay.push(await costOf(count, () => how(store, keys)));
    }
    // The first warms up.
    if (round >= 0) rounds.push(costs);
  }
  return (["first", "replay"] as const).map((kind, n): Row => {
    const [theirs, ours] = summarize(
      [reference.name, own.name],
      rounds.map(round => round[kind]),
    );
    const perSecond = (nanoseconds: number) => `${Math.round(1e9 / nanoseconds).toLocaleString("en")} keys/s`;
    return {
      measure: `${name}: ${kind === "first" ? "first executions" : "replays"} in batches of ${BATCH}`,
      ours: perSecond(ours!.nanoseconds),
      reference: `${perSecond(theirs!.nanoseconds)} (${reference.name})`,
      cpu: `${Math.round(ours!.cpuNanoseconds)} / ${Math.round(theirs!.cpuNanoseconds)} ns`,
      ratio: `${ours!.ratio.toFixed(2)} ×`,
      target: aims[n]!,
    };
  });
}

async function costOf(count: number, run: () => Promise<unknown>): Promise<Cost> {
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const begun = performance.now();
  await run();
  const { user, system } = process.cpuUsage(cpu);
  return {
    nanoseconds: ((performance.now() - begun) * 1e6) / count,
    cpuNanoseconds: ((user + system) * 1e3) / count,
  };
}

const batches = (store: IdempotencyStore): Way => ({ name: "in batches", store, how: inBatches });
const singles = (store: IdempotencyStore): Way => ({
  name: `single, ${IN_FLIGHT} in flight`,
  store,
  how: flight,
});
const oneByOne = (store: IdempotencyStore): Way => ({ name: "single", store, how: alone });

async function memory(): Promise<Row[]> {
  const store = () => library.memoryStore({ maxEntries: 1_000_000 });
  return compared("memory", 50_000, [oneByOne(store()), batches(store())], ["≥ 1 ×", "≥ 1 ×"]);
}

async function redis(): Promise<Row[]> {
  const server = await startRedis();
  const io = new Redis(server.url);
  const node = await createClient({ url: server.url }).connect();
  const rows: Row[] = [];
  for (const [name, client] of [
    ["ioredis", io],
    ["node-redis", node],
  ] as const) {
    const store = redisStore(client as never, { prefix: `${name}:` });
    rows.push(
      ...(await compared(`Redis, ${name}`, 10_000, [singles(store), batches(store)], ["≥ 2 ×", "≥ 2 ×"])),
    );
  }
  io.disconnect();
  node.destroy();
  await server.stop();
  return rows;
}

async function postgres(): Promise<Row[]> {
  // A commit waits for the disk, as it does wherever a claim has to last.
  const server = await startPostgres({ settings: { fsync: "on" } });
  const pool = new pg.Pool({ connectionString: server.url, max: 10 });
  for (const table of ["apart", "gathered"]) await pool.query(postgresSchema(table));
  const ungathered = openPostgresStore(pool, { table: "apart" }, UNGATHERED);
  const gathered = postgresStore(pool, { table: "gathered" });
  const rows = [
    ...(await compared(
      "PostgreSQL",
      10_000,
      [{ ...singles(ungathered), name: "single, a statement each" }, batches(gathered)],
      ["≥ 8 ×", "≥ 8 ×"],
    )),
    ...(await compared(
      "PostgreSQL",
      10_000,
      [
        { ...singles(gathered), name: "single, gathered" },
        { ...batches(gathered), name: "in batches again" },
      ],
      ["≥ 1.5 ×", "≥ 1.5 ×"],
    )),
  ];
  await pool.end();
  await server.stop();
  return rows;
}

async function sqlite(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "with-idempotency-bench-"));
  const open = (name: string) => {
    const database = new Database(join(folder, name));
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    return sqliteStore(database);
  };
  try {
    return await compared(
      "SQLite",
      10_000,
      [oneByOne(open("single.db")), batches(open("many.db"))],
      ["≥ 5 ×", "–"],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

report({ rows: [...(await memory()), ...(await redis()), ...(await postgres()), ...(await sqlite())] });
process.exit();
