import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { createIdempotency, type Options } from "../../src/index.ts";
import { postgresStore } from "../../src/stores/postgres.ts";

/** What a process does with a key; run by name, with this as its argument. */
export interface Task {
  url: string;
  table: string;
  key: string;
  /** A file that gets a line for each side effect. */
  effects: string;
  /** Makes the table, and nothing else. */
  migrates?: boolean;
  /** The point at which it kills itself. */
  dies?: "before" | "inside" | "after-effect" | "after-completion";
  /** What `fn` takes, in milliseconds. */
  takes?: number;
  /** Whether that time goes by in a busy loop. */
  blocks?: boolean;
  /** Milliseconds that its clock is ahead. */
  ahead?: number;
  calls?: number;
  /** Claims and runs on a transaction. */
  inTransaction?: boolean;
  options?: Options;
}

/** What it says at its end. */
export interface Report {
  ends: { value?: string; code?: string; replayed?: boolean; persisted?: boolean; attempt?: number }[];
  lost: boolean;
}

const task = JSON.parse(process.argv[2]!) as Task;
const pool = new pg.Pool({ connectionString: task.url });
const store = postgresStore(pool, { table: task.table });
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

async function call() {
  const client = task.inTransaction ? await pool.connect() : undefined;
  await client?.query("BEGIN");
  const { execute } = createIdempotency({
    store: client ? store.inTransaction(client) : store,
    ...task.options,
  });
  const end = await execute(task.key, "1m", send).catch((error: { code?: string }) => ({ code: error.code }));
  await client?.query("COMMIT");
  client?.release();
  return end;
}

if (task.ahead) {
  const now = Date.now;
  Date.now = () => now() + task.ahead!;
}
if (task.migrates) {
  await store.migrate();
} else {
  if (task.dies === "before") await store.claim(task.key, { token: "dead", ttlMs: 60_000, leaseMs: 1_000 });
  die("before");
  const ends = await Promise.all(Array.from({ length: task.calls ?? 1 }, call));
  die("after-completion");
  console.log(JSON.stringify({ ends, lost }));
}
await pool.end();
