import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "libsql";
import { createIdempotency, type Options } from "../../src/index.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";

/** What a process does with a key; run by name, with this as its argument. */
export interface Task {
  file: string;
  key: string;
  /** A file that gets a line for each side effect. */
  effects: string;
  /** The point at which it kills itself. */
  dies?: "in-transaction" | "before" | "inside" | "after-effect" | "after-completion";
  /** What `fn` takes, in milliseconds. */
  takes?: number;
  /** Whether that time goes by in a busy loop. */
  blocks?: boolean;
  /** Milliseconds that its clock is ahead. */
  ahead?: number;
  calls?: number;
  /** Waits for a line on its standard input before it calls. */
  waits?: boolean;
  options?: Options;
}

/** What it says at its end. */
export interface Report {
  ends: { value?: string; code?: string; replayed?: boolean; persisted?: boolean; attempt?: number }[];
  lost: boolean;
}

const task = JSON.parse(process.argv[2]!) as Task;
const database = new Database(task.file);
const store = sqliteStore(database);
let lost = false;

function die(where: Task["dies"]): void {
  if (task.dies === where) process.kill(process.pid, "SIGKILL");
}

/** Lets the time go by, or ends early where the claim is lost and somebody listens. */
async function take(ms: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + ms;
  if (task.blocks) while (performance.now() < end);
  else await sleep(ms, undefined, { signal }).catch(() => {});
}

async function send({ signal, attempt }: { signal: AbortSignal; attempt: number }): Promise<string> {
  signal.addEventListener("abort", () => {
    lost = true;
  });
  console.log("running");
  die("inside");
  await take(task.takes ?? 0, signal);
  appendFileSync(task.effects, `sent ${attempt}\n`);
  die("after-effect");
  return `sent ${attempt}`;
}

/** Dies with a claim that is written and not committed. */
function dieInTransaction(): void {
  // Too large for the cache: some of it has reached the file.
  database.exec(`PRAGMA cache_size = 1; BEGIN IMMEDIATE;
INSERT INTO idempotency_keys (key, version, attempt, ttl_ms, lease_until, expires_at, purge_at, token, run_id, outcome)
VALUES ('${task.key}', 1, 1, 60000, 0, 9e15, 9e15, 'dead', 'dead', hex(zeroblob(1000000)))`);
  die("in-transaction");
}

if (task.ahead) {
  const now = Date.now;
  Date.now = () => now() + task.ahead!;
}
if (task.waits) {
  console.log("ready");
  await new Promise(resolve => process.stdin.once("data", resolve));
  process.stdin.destroy();
}
if (task.dies === "in-transaction") dieInTransaction();
if (task.dies === "before") await store.claim(task.key, { token: "dead", ttlMs: 60_000, leaseMs: 1_000 });
die("before");
const { execute } = createIdempotency({ store, ...task.options });
const call = () => execute(task.key, "1m", send).catch((error: { code?: string }) => ({ code: error.code }));
const ends = await Promise.all(Array.from({ length: task.calls ?? 1 }, call));
die("after-completion");
console.log(JSON.stringify({ ends, lost }));
