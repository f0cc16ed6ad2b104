import pg from "pg";
import type * as PostgresEntry from "with-idempotency/postgres";
import { startPostgres } from "../test/support/servers/postgres.ts";
import { built, keyOf, library, TTL, TTL_MS, tokenOf } from "./library.ts";
import { type Candidate, compare, median, ROUNDS, type Row, report } from "./measure.ts";
import { crowds, IN_FLIGHT, inFlight, oneByOne, row, send, text } from "./stores.ts";

const { postgresSchema, postgresStore } = await built<typeof PostgresEntry>("postgres");

const POOL = { max: 10 };
let fresh = 0;

// A commit waits for the disk, as it does wherever a claim has to last.
const server = await startPostgres({ settings: { fsync: "on" } });
const pools: pg.Pool[] = [];
function poolOf(): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url, ...POOL });
  pools.push(pool);
  return pool;
}

const pool = poolOf();
const instance = library.createIdempotency({ store: postgresStore(pool) });

const INSERT = {
  name: "raw_insert",
  text: `INSERT INTO raw (key, version, attempt, ttl_ms, claimed_at, lease_until, expires_at, purge_at, token, run_id)
VALUES ($1, 2, 1, $2, $3, $3, $3, $3, $4, $1) ON CONFLICT (key) DO NOTHING`,
};
const UPDATE = {
  name: "raw_update",
  text: "UPDATE raw SET outcome = $2, expires_at = $3 WHERE key = $1 AND token = $4",
};
const SELECT = { name: "raw_select", text: "SELECT outcome FROM raw WHERE key = $1" };

/** What a careful hand writes: a claim that nobody else can make, and a fenced completion. */
async function rawFirst(key = keyOf(fresh++)): Promise<void> {
  const until = Date.now() + TTL_MS;
  const token = tokenOf();
  await pool.query({ ...INSERT, values: [key, TTL_MS, until, token] });
  await pool.query({ ...UPDATE, values: [key, text, until, token] });
}

async function rawReplay(): Promise<unknown> {
  const key = `replayed:${replayed++ % IN_FLIGHT}`;
  await pool.query({ ...INSERT, values: [key, TTL_MS, Date.now() + TTL_MS, tokenOf()] });
  const { rows } = await pool.query({ ...SELECT, values: [key] });
  return JSON.parse(rows[0].outcome);
}

const ourFirst = () => instance.withIdempotency(keyOf(fresh++), TTL, send);
// As many keys as calls in flight: calls with one key are shared within a process.
let replayed = 0;
const ourReplay = () => instance.withIdempotency(`replayed:${replayed++ % IN_FLIGHT}`, TTL, send);

// Cold code makes both slow, and ours more so: after 1,500 calls it is at three quarters of its speed.
const WARM_UP = { one: 2_000, flight: 10_000 };

/** Measures the CPU of this process beside the time of a candidate's runs. */
function metered({ name, run }: Candidate): Candidate & { microseconds: number[] } {
  const microseconds: number[] = [];
  const measured = async (count: number) => {
    const begun = process.cpuUsage();
    await run(count);
    const { user, system } = process.cpuUsage(begun);
    microseconds.push((user + system) / count);
  };
  return { name, run: measured, microseconds };
}

async function both(how: typeof inFlight, raw: () => Promise<unknown>, ours: () => Promise<unknown>) {
  const candidates = [metered(how("pg", raw)), metered(how("with-idempotency", ours))] as const;
  for (const { run } of candidates) await run(how === inFlight ? WARM_UP.flight : WARM_UP.one);
  const measured = await compare([...candidates]);
  const [reference, own] = candidates.map(each => each.microseconds.reverse());
  // The last runs of each are its rounds: each beside the other's of the same round.
  const rounds = own!.slice(0, ROUNDS).map((time, n) => reference![n]! / time);
  return { measured, cpu: median(rounds) };
}

/** A line of the report, with the CPU that the client takes. */
function line(
  measure: string,
  { measured, cpu }: Awaited<ReturnType<typeof both>>,
  aim: string,
  isTime = true,
) {
  const { ratio, ...rest } = row(measure, measured, aim, isTime);
  return { ...rest, ratio: `${ratio} (CPU: ${(isTime ? 1 / cpu : cpu).toFixed(2)} ×)` };
}

async function speed(): Promise<Row[]> {
  await pool.query(postgresSchema("raw"));
  await pool.query(postgresSchema());
  for (let n = 0; n < IN_FLIGHT; n++) {
    await ourReplay();
    await rawFirst(`replayed:${n}`);
  }
  // Replays first, while both tables are small.
  const replay = await both(oneByOne, rawReplay, ourReplay);
  const replays = await both(inFlight, rawReplay, ourReplay);
  const first = await both(oneByOne, () => rawFirst(), ourFirst);
  const firsts = await both(inFlight, () => rawFirst(), ourFirst);
  return [
    line("PostgreSQL: first execution, one at a time", first, "≤ 1.15 ×"),
    line("PostgreSQL: replay, one at a time", replay, "≤ 0.7 ×"),
    line(`PostgreSQL: first execution, ${IN_FLIGHT} in flight`, firsts, "≥ 2.5 ×", false),
    line(`PostgreSQL: replay, ${IN_FLIGHT} in flight`, replays, "≥ 4 ×", false),
  ];
}

/** Four pools with a store each, which share no runs, as four processes do. */
async function duplicates(): Promise<Row> {
  const stores = Array.from({ length: 4 }, () => postgresStore(poolOf()));
  return crowds("PostgreSQL", stores, "≤ 3 ×");
}

/** Two full tables, of 1,000 and of 1,000,000 records. */
async function scale(): Promise<Row[]> {
  const [small, large] = await Promise.all([filled("small", 1_000), filled("large", 1_000_000)]);
  const keyed = (each: typeof instance, act: (each: typeof instance) => Promise<unknown>, name: string) =>
    oneByOne(name, () => act(each));
  const replay = (each: typeof instance) => each.withIdempotency(`filled-${fresh++ % 1_000}`, TTL, send);
  const first = (each: typeof instance) => each.withIdempotency(keyOf(fresh++), TTL, send);
  const measured = async (act: typeof replay) =>
    compare([keyed(small, act, "1,000 records"), keyed(large, act, "1,000,000 records")]);
  return [
    row("PostgreSQL: replay, with 1,000,000 records", await measured(replay), "≤ 1.5 ×"),
    row("PostgreSQL: first execution, with 1,000,000 records", await measured(first), "≤ 1.5 ×"),
  ];
}

async function filled(table: string, count: number) {
  await pool.query(postgresSchema(table));
  await pool.query(`INSERT INTO ${table} (key, version, attempt, ttl_ms, claimed_at, lease_until, expires_at, purge_at, run_id, outcome)
SELECT 'filled-' || n, 2, 1, ${TTL_MS}, 0, 0, ${Date.now() + TTL_MS} + n, ${Date.now() + TTL_MS} + n, 'run', '${text}'
FROM generate_series(0, ${count - 1}) AS n`);
  await pool.query(`VACUUM ANALYZE ${table}`);
  return library.createIdempotency({ store: postgresStore(pool, { table }) });
}

try {
  report({ rows: [...(await speed()), await duplicates(), ...(await scale())] });
} finally {
  await Promise.all(pools.map(each => each.end()));
  await server.stop();
}
