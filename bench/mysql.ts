import mysql from "mysql2/promise";
import type * as MysqlEntry from "with-idempotency/mysql";
import { startMariaDb } from "../test/support/servers/mariadb.ts";
import { keyOf, library, TTL, TTL_MS, tokenOf } from "./library.ts";
import { compare, report } from "./measure.ts";
import { crowds, IN_FLIGHT, inFlight, oneByOne, row, send, text } from "./stores.ts";

const built = new URL("../dist/mysql.js", import.meta.url).href;
const { mysqlSchema, mysqlStore }: typeof MysqlEntry = await import(built);

let fresh = 0;
let replayed = 0;
const server = await startMariaDb();
const pools: mysql.Pool[] = [];
function poolOf(): mysql.Pool {
  const pool = mysql.createPool({ uri: server.url, connectionLimit: 10 });
  pools.push(pool);
  return pool;
}

const pool = poolOf();
const { withIdempotency } = library.createIdempotency({ store: mysqlStore(pool) });

const INSERT = `INSERT INTO raw (\`key\`, version, attempt, ttl_ms, claimed_at, lease_until, expires_at, purge_at, token, run_id)
VALUES (?, 2, 1, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE version = version`;
const UPDATE = "UPDATE raw SET outcome = ?, expires_at = ? WHERE `key` = ? AND token = ?";

/** What a careful hand writes: a claim that nobody else can make, and a fenced completion. */
async function rawFirst(key = keyOf(fresh++)): Promise<void> {
  const until = Date.now() + TTL_MS;
  const token = tokenOf();
  await pool.query(INSERT, [key, TTL_MS, until, until, until, until, token, key]);
  await pool.query(UPDATE, [text, until, key, token]);
}

async function rawReplay(): Promise<unknown> {
  const key = `replayed:${replayed++ % IN_FLIGHT}`;
  const until = Date.now() + TTL_MS;
  await pool.query(INSERT, [key, TTL_MS, until, until, until, until, tokenOf(), key]);
  const [[found]] = await pool.query<mysql.RowDataPacket[]>("SELECT outcome FROM raw WHERE `key` = ?", [key]);
  return JSON.parse(String(found!["outcome"]));
}

const ourFirst = () => withIdempotency(keyOf(fresh++), TTL, send);
// As many keys as calls in flight: calls with one key are shared within a process.
const ourReplay = () => withIdempotency(`replayed:${replayed++ % IN_FLIGHT}`, TTL, send);

const both = (how: typeof inFlight, raw: () => Promise<unknown>, ours: () => Promise<unknown>) =>
  compare([how("mysql2", raw), how("with-idempotency", ours)]);

try {
  // A commit waits for the disk, as it does wherever a claim has to last.
  await pool.query("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
  await pool.query(mysqlSchema("raw"));
  await pool.query(mysqlSchema());
  for (let n = 0; n < IN_FLIGHT; n++) {
    await ourReplay();
    await rawFirst(`replayed:${n}`);
  }
  // Replays first, while both tables are small.
  const replay = await both(oneByOne, rawReplay, ourReplay);
  const first = await both(oneByOne, () => rawFirst(), ourFirst);
  const firsts = await both(inFlight, () => rawFirst(), ourFirst);
  const stores = Array.from({ length: 4 }, () => mysqlStore(poolOf()));
  report({
    rows: [
      row("MariaDB: first execution, one at a time", first, "≤ 1.3 ×"),
      row("MariaDB: replay, one at a time", replay, "≤ 1.3 ×"),
      row(`MariaDB: first execution, ${IN_FLIGHT} in flight`, firsts, "≥ 0.8 ×", false),
      await crowds("MariaDB", stores, "≤ 3 ×"),
    ],
  });
} finally {
  await Promise.all(pools.map(each => each.end()));
  await server.stop();
}
