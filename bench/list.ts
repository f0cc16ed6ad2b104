// How long a listing takes, and how much memory: npx tsx --expose-gc bench/list.ts memory|redis|postgres|sqlite [RECORDS]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import Database from "libsql";
import pg from "pg";
import type { IdempotencyStore } from "with-idempotency";
import type * as PostgresEntry from "with-idempotency/postgres";
import type * as RedisEntry from "with-idempotency/redis";
import type * as SqliteEntry from "with-idempotency/sqlite";
import { startPostgres } from "../test/support/servers/postgres.ts";
import { startRedis } from "../test/support/servers/redis.ts";
import { built, keyOf, library, receipt, TTL_MS } from "./library.ts";

const { redisStore } = await built<typeof RedisEntry>("redis");
const { postgresStore } = await built<typeof PostgresEntry>("postgres");
const { sqliteStore } = await built<typeof SqliteEntry>("sqlite");

const [name = "memory", count = "10000000"] = process.argv.slice(2);
const RECORDS = Number(count);
const BATCH = 1_000;
// Among so many completed keys one is uncertain.
const UNCERTAIN = 10_000;

interface Opened {
  store: IdempotencyStore;
  close(): unknown;
}

const OPEN: Record<string, () => Opened | Promise<Opened>> = {
  memory: () => ({ store: library.memoryStore({ maxEntries: RECORDS }), close() {} }),
  async redis() {
    const server = await startRedis();
    const client = new Redis(server.url);
    const close = () => {
      client.disconnect();
      return server.stop();
    };
    return { store: redisStore(client), close };
  },
  async postgres() {
    const server = await startPostgres();
    const pool = new pg.Pool({ connectionString: server.url });
    const store = postgresStore(pool);
    await store.migrate();
    return { store, close: () => pool.end().then(() => server.stop()) };
  },
  sqlite() {
    const folder = mkdtempSync(join(tmpdir(), "with-idempotency-bench-"));
    const database = new Database(join(folder, "keys.db"));
    return { store: sqliteStore(database), close: () => rmSync(folder, { recursive: true }) };
  },
};

/** Completed keys, and a few that are uncertain. */
async function fill(store: IdempotencyStore): Promise<void> {
  const outcome = JSON.stringify(receipt(1));
  for (let start = 0; start < RECORDS; start += BATCH) {
    const held = Array.from({ length: Math.min(BATCH, RECORDS - start) }, (_, n) => ({
      key: `:bench:${keyOf(start + n)}`,
      token: `token-${start + n}`,
    }));
    const request = { ttlMs: TTL_MS, leaseMs: 60_000 };
    await store.claimMany?.(held.map(({ key, token }) => ({ key, request: { ...request, token } })));
    await store.completeMany?.(held.slice(1).map(each => ({ ...each, outcome, ttlMs: TTL_MS })));
    const [first] = held;
    const isUncertain = start % UNCERTAIN === 0;
    if (isUncertain) await store.renew(first!.key, first!.token, 0);
    else await store.complete(first!.key, first!.token, outcome, TTL_MS);
  }
}

/** What is used beyond what the store itself takes: the most that was seen, while it is read. */
async function listed(store: IdempotencyStore, state: "uncertain" | "completed"): Promise<string> {
  const { list } = library.createIdempotency({ store, namespace: "bench" });
  globalThis.gc?.();
  const before = process.memoryUsage();
  let most = 0;
  let found = 0;
  const watch = setInterval(() => {
    const { heapUsed, external } = process.memoryUsage();
    most = Math.max(most, heapUsed + external - before.heapUsed - before.external);
  }, 100);
  const begun = performance.now();
  for await (const _ of list({ state })) found++;
  const seconds = (performance.now() - begun) / 1000;
  clearInterval(watch);
  const each = ((seconds * 1e6) / RECORDS).toFixed(1);
  return `${state}: ${found} found in ${seconds.toFixed(1)} s (${each} µs a record), ${Math.round(most / 1e6)} MB more at most`;
}

const { store, close } = await (OPEN[name] ?? OPEN["memory"]!)();
const begun = performance.now();
await fill(store);
console.log(`${name}: ${RECORDS} records written in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
console.log(await listed(store, "uncertain"));
// Each of these has its result read, too.
if (RECORDS <= 1_000_000) console.log(await listed(store, "completed"));
await close();
