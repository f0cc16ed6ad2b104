import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createIdempotency, type IdempotencyStore, type Options } from "../../../src/index.ts";

/** What a process does with a key; run by name, with this as its argument. */
export interface Task {
  key: string;
  /** A file that gets a line for each side effect. */
  effects: string;
  /** The point at which it kills itself. */
  dies?: "before" | "inside" | "after-effect" | "after-completion";
  /** What `fn` takes, in milliseconds. */
  takes?: number;
  /** Whether that time goes by in a busy loop. */
  blocks?: boolean;
  /** Milliseconds that its clock is ahead. */
  ahead?: number;
  calls?: number;
  options?: Options;
}

/** How a call ended. */
type End = {
  value?: string;
  code?: string;
  replayed?: boolean;
  persisted?: boolean;
  attempt?: number;
};

/** What a process says at its end. */
export interface Report {
  ends: End[];
  lost: boolean;
}

export const taskOf = <T extends Task>() => JSON.parse(process.argv[2]!) as T;

/** Makes a call by a store of its choice. */
export type CallBy = (call: (store: IdempotencyStore) => Promise<unknown>) => Promise<unknown>;

/** Does the task, says so on its output, and dies where the task says. */
export async function work(
  task: Task,
  store: IdempotencyStore,
  callBy: CallBy = call => call(store),
): Promise<void> {
  let lost = false;
  const die = (where: Task["dies"]) => {
    if (task.dies === where) process.kill(process.pid, "SIGKILL");
  };

  async function send({ signal, attempt }: { signal: AbortSignal; attempt: number }): Promise<string> {
    signal.addEventListener("abort", () => {
      lost = true;
    });
    console.log("running");
    die("inside");
    await take(task, signal);
    appendFileSync(task.effects, `sent ${attempt}\n`);
    die("after-effect");
    return `sent ${attempt}`;
  }

  const call = (by: IdempotencyStore) =>
    createIdempotency({ store: by, ...task.options })
      .execute(task.key, "1m", send)
      .catch((error: { code?: string }) => ({ code: error.code }));

  setAhead(task.ahead ?? 0);
  if (task.dies === "before") await store.claim(task.key, { token: "dead", ttlMs: 60_000, leaseMs: 1_000 });
  die("before");
  const ends = await Promise.all(Array.from({ length: task.calls ?? 1 }, () => callBy(call)));
  die("after-completion");
  console.log(JSON.stringify({ ends, lost }));
}

/** Lets the time go by, or ends early where the claim is lost and somebody listens. */
async function take({ takes = 0, blocks = false }: Task, signal: AbortSignal): Promise<void> {
  const end = performance.now() + takes;
  if (blocks) while (performance.now() < end);
  else await sleep(takes, undefined, { signal }).catch(() => {});
}

function setAhead(ms: number): void {
  if (ms === 0) return;
  const now = Date.now;
  Date.now = () => now() + ms;
}
