import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How a server's process is started. */
export interface Command {
  file: string;
  args: readonly string[];
  env?: Record<string, string> | undefined;
  uid?: number | undefined;
  gid?: number | undefined;
}

/** A folder of a server's own, and a watchdog that ends the server and the folder should this process die first. */
export interface Kennel {
  dir: string;
  /** Names the process that must not outlive this one; undefined: none. */
  watch(pid: number | undefined): void;
  /** Removes the folder, and dismisses the watchdog. */
  close(): Promise<void>;
}

const PATIENCE_MS = 60_000;
const POLL_MS = 20;

// Told one process after another; where the pipe ends, however that came about, it ends the last one.
const WATCHDOG = `
  while read -r line; do pid=$line; done
  if [ -n "$pid" ] && kill -CONT "$pid"; then
    kill "-$1" "$pid"
    for i in 1 2 3 4 5 6 7 8; do kill -0 "$pid" && sleep 1; done
    kill -KILL "$pid"
  fi
  rm -rf "$2"
`;

/** Makes a server's folder. The signal is the one that ends such a server at once. */
export async function openKennel(name: string, signal: "KILL" | "QUIT"): Promise<Kennel> {
  const dir = await mkdtemp(join(tmpdir(), `with-idempotency-${name}-`));
  // A group of its own, which no terminal's Ctrl-C ends.
  const watchdog = spawn("sh", ["-c", WATCHDOG, "watchdog", signal, dir], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watchdog.unref();
  (watchdog.stdin as Socket).unref();
  const watch = (pid: number | undefined) => void watchdog.stdin?.write(`${pid ?? ""}\n`);
  return {
    dir,
    watch,
    async close() {
      watch(undefined);
      watchdog.stdin?.end();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Somebody else took the port meanwhile. */
class PortTaken extends Error {}

/** Starts the process and waits until its output says that it is ready. */
export async function launch(kennel: Kennel, { file, args, env, ...user }: Command, ready: string) {
  const logFile = join(kennel.dir, "server.log");
  const log = openSync(logFile, "w");
  const child = spawn(file, args, {
    cwd: kennel.dir,
    // A group of its own: it ends when it is told to, and not by a terminal's Ctrl-C.
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...env },
    ...user,
  });
  closeSync(log);
  await once(child, "spawn");
  kennel.watch(child.pid);
  const output = () => readFileSync(logFile, "utf8");
  try {
    await until(`${file} is ready`, () => output().includes(ready) || isOver(child), output);
    if (isOver(child)) throw stopped(file, output());
  } catch (error) {
    await end(kennel, child, "SIGKILL");
    throw error;
  }
  return child as ChildProcess & { pid: number };
}

function stopped(file: string, output: string): Error {
  const message = `expected ${file} to start; it stopped, and said:\n${output.trim()}`;
  return /address already in use/i.test(output) ? new PortTaken(message) : new Error(message);
}

function isOver(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Ends a process, paused or not, and waits for its end. */
export async function end(kennel: Kennel, child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isOver(child)) {
    const exit = once(child, "exit");
    child.kill("SIGCONT");
    child.kill(signal);
    await exit;
  }
  kennel.watch(undefined);
}

/** Asks again until the answer is true. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  details: () => string = () => "",
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}\n${details()}`);
    await sleep(POLL_MS);
  }
}

// Below the ports of outgoing connections: a client that tries to reconnect must not take its server's.
const FIRST_PORT = 15_000;
const PORTS = 15_000;

/** A port that nobody has. */
async function freePort(): Promise<number> {
  const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
  const probe = createServer();
  try {
    probe.listen(port, "127.0.0.1");
    await once(probe, "listening");
    return port;
  } catch {
    return freePort();
  } finally {
    probe.close();
  }
}

/** Starts something on a free port, and on another where somebody took that one first. */
export async function onFreePort<T>(start: (port: number) => Promise<T>, tries = 5): Promise<T> {
  try {
    return await start(await freePort());
  } catch (error) {
    if (tries === 1 || !(error instanceof PortTaken)) throw error;
    return onFreePort(start, tries - 1);
  }
}
