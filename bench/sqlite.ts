import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import type * as SqliteEntry from "with-idempotency/sqlite";
import { built, keyOf, library, TTL, TTL_MS, tokenOf } from "./library.ts";
import { type Candidate, compare, report } from "./measure.ts";
import { oneByOne, row, send, text } from "./stores.ts";

const { sqliteStore } = await built<typeof SqliteEntry>("sqlite");

const FEW = 1_000;
const MANY = 1_000_000;
const folder = mkdtempSync(join(tmpdir(), "with-idempotency-bench-"));
let fresh = 0;

/** A file with WAL that waits for the disk at checkpoints alone, as is usual with it. */
function open(name: string): Database.Database {
  const database = new Database(join(folder, name));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  return database;
}

/** What a careful hand writes: a claim that nobody else can make, and a fenced completion. */
function raw(): { first: Candidate; replay: Candidate } {
  const database = open("raw.db");
  sqliteStore(database, { table: "raw" });
  const insert = database.prepare(
    `INSERT INTO raw (key, version, attempt, ttl_ms, claimed_at, lease_until, expires_at, purge_at, token, run_id)
VALUES (?, 2, 1, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
  );
  const update = database.prepare("UPDATE raw SET outcome = ?, expires_at = ? WHERE key = ? AND token = ?");
  const select = database.prepare("SELECT outcome FROM raw WHERE key = ? AND expires_at > ?");
  const first = (key: string) => {
    const until = Date.now() + TTL_MS;
    const token = tokenOf();
    insert.run(key, TTL_MS, until, until, until, until, token, key);
    update.run(text, until, key, token);
  };
  first("replayed");
  const replay = () => JSON.parse((select.get("replayed", Date.now()) as { outcome: string }).outcome);
  return { first: oneByOne("libsql", () => first(keyOf(fresh++))), replay: oneByOne("libsql", replay) };
}

async function ours(name: string): Promise<{ first: Candidate; replay: Candidate }> {
  const { withIdempotency } = library.createIdempotency({ store: sqliteStore(open(name)) });
  await withIdempotency("replayed", TTL, send);
  return {
    first: oneByOne("with-idempotency", () => withIdempotency(keyOf(fresh++), TTL, send)),
    replay: oneByOne("with-idempotency", () => withIdempotency("replayed", TTL, send)),
  };
}

/** A store with that many completed keys, of which as many are in use either way. */
async function population(keys: number): Promise<{ first: Candidate; replay: Candidate }> {
  const database = open(`${keys}.db`);
  const store = sqliteStore(database);
  const { withIdempotency } = library.createIdempotency({ store });
  await withIdempotency(keyOf(0), TTL, send);
  database.exec(`INSERT INTO idempotency_keys (key, version, attempt, ttl_ms, claimed_at, lease_until, expires_at, purge_at, token, run_id, outcome)
WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ${keys - 1})
SELECT 'order-shipped:' || n, version, attempt, ttl_ms, claimed_at, lease_until, expires_at + n, purge_at + n, lower(hex(randomblob(12))), run_id, outcome
FROM counted CROSS JOIN idempotency_keys WHERE key = 'order-shipped:0'`);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  let next = 0;
  const used = () => keyOf((next++ % FEW) * (keys / FEW));
  const name = `at ${keys.toLocaleString("en")}`;
  const first = () => withIdempotency(`fresh:${fresh++}`, TTL, send);
  return { first: oneByOne(name, first), replay: oneByOne(name, () => withIdempotency(used(), TTL, send)) };
}

try {
  const [reference, own] = [raw(), await ours("ours.db")];
  // Replays first, while both tables are small.
  const replay = await compare([reference.replay, own.replay]);
  const first = await compare([reference.first, own.first]);
  const [few, many] = [await population(FEW), await population(MANY)];
  report({
    rows: [
      row("SQLite: first execution", first, "≤ 1.3 ×"),
      row("SQLite: replay", replay, "≤ 1.3 ×"),
      row("SQLite: replay at 1,000,000 live keys", await compare([few.replay, many.replay]), "≤ 1.5 ×"),
      row(
        "SQLite: first execution at 1,000,000 live keys",
        await compare([few.first, many.first]),
        "≤ 1.5 ×",
      ),
    ],
  });
} finally {
  rmSync(folder, { recursive: true });
}
