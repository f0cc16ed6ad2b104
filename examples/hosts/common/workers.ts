import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const WORKERS = 2;
const LEASH = new URL("leash.ts", import.meta.url).href;

/** Worker processes that are started again when they die, as a process manager does it. */
export interface Workers {
  readonly kills: number;
  /** What they have written to their standard error. */
  readonly complaints: string;
  /** Kills a worker as `kill -9` does; another one takes its place. */
  kill(pid: number): void;
  stop(): Promise<void>;
}

/** Starts workers, each with a name of its own that its successor takes over. */
export function startWorkers(file: string, env: Record<string, string>): Workers {
  const running = new Map<number, ChildProcess>();
  let kills = 0;
  let complaints = "";
  let stopping = false;

  function start(name: string): void {
    const child = spawn(process.execPath, ["--import", "tsx", "--import", LEASH, file], {
      env: { ...process.env, ...env, WORKER_NAME: name },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    child.stderr?.setEncoding("utf8").on("data", text => {
      complaints += text;
    });
    const { pid = 0 } = child;
    running.set(pid, child);
    child.once("exit", () => {
      running.delete(pid);
      if (!stopping) start(name);
    });
  }

  function kill(pid: number): void {
    if (running.get(pid)?.kill("SIGKILL")) kills += 1;
  }

  async function stop(): Promise<void> {
    stopping = true;
    const ends = [...running.values()].map(async child => {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    });
    await Promise.all(ends);
  }

  for (let count = 1; count <= WORKERS; count += 1) start(`worker-${count}`);
  return {
    get kills() {
      return kills;
    },
    get complaints() {
      return complaints;
    },
    kill,
    stop,
  };
}
