import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { StoreName } from "./settings.ts";

/** What a worker is told when it starts. */
export interface Assignment {
  campaign: string;
  /** The file of users. */
  users: string;
  batch: number;
  store: StoreName;
  address: string;
  providerUrl: string;
}

/** What a worker tells meanwhile: of its pass so far, or of what it has settled. */
export type Report = { replayed: number } | { found: number; absent: number };

/** A worker that is started again when it is killed, as a process manager does it. */
export interface Fleet {
  readonly kills: number;
  /** Kills the worker as `kill -9` does. */
  kill(): void;
  /** Resolves when a worker has come to the end; rejects if it fails. */
  readonly done: Promise<void>;
  stop(): void;
}

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** Starts the worker. */
export function startFleet(assignment: Assignment, onReport: (report: Report) => void): Fleet {
  let worker: ChildProcess;
  let kills = 0;
  let isKilled = false;

  const done = new Promise<void>((resolve, reject) => {
    function start(): void {
      isKilled = false;
      let complaints = "";
      worker = spawn(process.execPath, ["--import", "tsx", WORKER, JSON.stringify(assignment)], {
        stdio: ["ignore", "ignore", "pipe", "ipc"],
      });
      worker.on("message", onReport);
      worker.stderr?.setEncoding("utf8").on("data", text => {
        complaints += text;
      });
      worker.once("close", code => {
        if (isKilled) start();
        else if (code === 0) resolve();
        else reject(new Error(`The worker ended with ${code}\n${complaints}`));
      });
    }
    start();
  });
  return {
    get kills() {
      return kills;
    },
    kill() {
      if (isKilled) return;
      isKilled = worker.kill("SIGKILL");
      kills += Number(isKilled);
    },
    done,
    stop() {
      isKilled = false;
      worker.kill("SIGKILL");
    },
  };
}
