import Database from "libsql";
import { sqliteStore } from "../../../src/stores/sqlite/store.ts";
import { type Task, taskOf, work } from "../shared/work.ts";

/** What a process does with a key of a file. */
export interface SqliteTask extends Task {
  file: string;
  /** Waits for a line on its standard input before it calls. */
  waits?: boolean;
  /** Dies with a claim that is written and not committed. */
  diesClaiming?: boolean;
}

const task = taskOf<SqliteTask>();
const database = new Database(task.file);
const store = sqliteStore(database);

if (task.waits) {
  console.log("ready");
  await new Promise(resolve => process.stdin.once("data", resolve));
  process.stdin.destroy();
}
if (task.diesClaiming) {
  // Too large for the cache: some of it has reached the file.
  database.exec(`PRAGMA cache_size = 1; BEGIN IMMEDIATE;
INSERT INTO idempotency_keys (key, version, attempt, ttl_ms, claimed_at, lease_until, expires_at, purge_at, token, run_id, outcome)
VALUES ('${task.key}', 2, 1, 60000, 0, 0, 9e15, 9e15, 'dead', 'dead', hex(zeroblob(1000000)))`);
  process.kill(process.pid, "SIGKILL");
}
await work(task, store);
