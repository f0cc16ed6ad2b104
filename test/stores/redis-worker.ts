import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { createIdempotency, type Options } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis.ts";

/** What a process is to do with one key. */
export interface Task {
  url: string;
  prefix: string;
  key: string;
  /** Where each side effect leaves a line. */
  effects: string;
  /** Where it is killed, if anywhere. */
  dies?: "before" | "inside" | "after-effect" | "after-completion";
  /** How long `fn` takes, in milliseconds. */
  takes?: number;
  /** Whether `fn` blocks the event loop meanwhile. */
  blocks?: boolean;
  /** How far its clock is ahead, in milliseconds. */
  ahead?: number;
  /** How many calls it makes at once. */
  calls?: number;
  options?: Options;
}

const task = JSON.parse(process.argv[2]!) as Task;
const { url, prefix, key, effects, dies, takes = 0, blocks = false, ahead = 0, calls = 1, options } = task;

if (ahead !== 0) {
  const now = Date.now;
  Date.now = () => now() + ahead;
}

const die = (where: Task["dies"]) => {
  if (dies === where) process.kill(process.pid, "SIGKILL");
};
const redis = new Redis(url);
const store = redisStore(redis, { prefix });
const { execute } = createIdempotency({ store, ...options });
let lost = false;

async function send({ signal, attempt }: { signal: AbortSignal; attempt: number }): Promise<string> {
  signal.addEventListener("abort", () => {
    lost = true;
  });
  console.log("running");
  die("inside");
  const end = performance.now() + takes;
  while (blocks && performance.now() < end);
  // Ends early where the claim is lost: a process that was paused finds its own timers due at once.
  if (!blocks) await sleep(takes, undefined, { signal }).catch(() => {});
  appendFileSync(effects, `sent ${attempt}\n`);
  die("after-effect");
  return `sent ${attempt}`;
}

if (dies === "before") {
  await store.claim(key, { token: "dead", ttlMs: 60_000, leaseMs: 1_000 });
  die("before");
}
const ends = await Promise.all(
  Array.from({ length: calls }, () =>
    execute(key, "1m", send).catch((error: { code?: string }) => ({ code: error.code })),
  ),
);
die("after-completion");
console.log(JSON.stringify({ ends, lost }));
redis.disconnect();
