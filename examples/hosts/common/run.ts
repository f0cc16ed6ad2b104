import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startPostgres } from "../../../test/support/servers/postgres.ts";
import { startRedis } from "../../../test/support/servers/redis.ts";
import { type Figures, figuresOf } from "./figures.ts";
import { startMailServer } from "./mail-server.ts";
import { ALL_ORDERS, type Order } from "./orders.ts";
import { startWorkers, type Workers } from "./workers.ts";

/** A runtime that runs jobs, as seen by who hands it jobs. */
export interface Host {
  name: string;
  /** The runtime's own packages. */
  packages: readonly string[];
  /** The file that each worker process runs. */
  worker: URL;
  /** What the runtime needs; workers get its address as REDIS_URL or DATABASE_URL. */
  server: "redis" | "postgres";
  /** Prepares a run on an empty server of its own. */
  open(url: string): Promise<Jobs>;
}

/** The jobs of one run. */
export interface Jobs {
  /** What else a worker gets in its environment. */
  env?: Record<string, string>;
  add(orders: readonly Order[]): Promise<void>;
  /** How many jobs have been completed so far. */
  completed(): Promise<number>;
  close(): Promise<void>;
}

// Short, so that a run is; long enough for a machine that is busy with other things.
const PATIENCE_SECONDS = 3;
const DEADLINE_MS = 240_000;
const POLL_MS = 100;

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const TSCONFIGS = { with: file("../../../tsconfig.json"), without: file("without-wrapper.tsconfig.json") };

/** Waits until all jobs are completed, and no longer than the deadline. */
async function untilCompleted(jobs: Jobs): Promise<number> {
  const deadline = performance.now() + DEADLINE_MS;
  let completed = 0;
  while (completed < ALL_ORDERS.length && performance.now() < deadline) {
    await sleep(POLL_MS);
    completed = await jobs.completed();
  }
  return completed;
}

/** Runs all jobs on the server of that address. */
async function run(host: Host, wrapper: "with" | "without", url: string): Promise<Figures> {
  let workers: Workers | undefined;
  const mailServer = await startMailServer(pid => workers?.kill(pid));
  const jobs = await host.open(url);
  try {
    await jobs.add(ALL_ORDERS);
    workers = startWorkers(fileURLToPath(host.worker), {
      ...mailServer.env,
      ...jobs.env,
      [host.server === "redis" ? "REDIS_URL" : "DATABASE_URL"]: url,
      PATIENCE_SECONDS: `${PATIENCE_SECONDS}`,
      TSX_TSCONFIG_PATH: TSCONFIGS[wrapper],
    });
    const completed = await untilCompleted(jobs);
    if (completed < ALL_ORDERS.length) console.error(workers.complaints);
    return figuresOf(completed, workers.kills, mailServer.ledger);
  } finally {
    await workers?.stop();
    await jobs.close();
    await mailServer.close();
  }
}

/** Runs all jobs on a server of their own: with the wrapper, or with each of its calls sending. */
export async function runOnce(host: Host, wrapper: "with" | "without"): Promise<Figures> {
  const server = await (host.server === "redis" ? startRedis() : startPostgres());
  try {
    return await run(host, wrapper, server.url);
  } finally {
    await server.stop();
  }
}
