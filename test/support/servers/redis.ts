import type { ChildProcess } from "node:child_process";
import { Redis } from "ioredis";
import type { Binary } from "./debian.ts";
import { end, type Kennel, launch, onFreePort, openKennel, until } from "./process.ts";
import { findRedis } from "./redis-binary.ts";

/** A Redis of the test's own. */
export interface RedisServer {
  host: string;
  port: number;
  url: string;
  readonly pid: number;
  dir: string;
  /** What runs, and where it came from. */
  about: string;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder, after `kill` or a shutdown. */
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";

/** Starts a Redis, or another binary of its kind, that keeps nothing on disk unless `args` say so. */
export async function startRedis({
  args = [],
  binary: given,
}: {
  args?: string[];
  binary?: Binary;
} = {}): Promise<RedisServer> {
  const binary = given ?? (await findRedis());
  const kennel = await openKennel("redis", "KILL");
  try {
    return await onFreePort(async port => {
      const start = () => launchRedis(kennel, binary, port, args);
      return serverOf(kennel, binary, port, await start(), start);
    });
  } catch (error) {
    await kennel.close();
    throw error;
  }
}

async function launchRedis(kennel: Kennel, { file, env }: Binary, port: number, args: string[]) {
  const own = ["--port", `${port}`, "--bind", HOST, "--dir", kennel.dir, "--save", "", "--appendonly", "no"];
  const child = await launch(kennel, { file, env, args: [...own, ...args] }, "Ready to accept connections");
  try {
    await verify(port, child.pid);
    return child;
  } catch (error) {
    await end(kennel, child, "SIGKILL");
    throw error;
  }
}

/** Makes sure that who answers there is the process that was started. */
async function verify(port: number, pid: number): Promise<void> {
  const { process_id } = await askInfo(`redis://${HOST}:${port}`);
  const got = Number(process_id);
  if (got !== pid) throw new Error(`expected Redis ${pid} on port ${port}; got process ${got}: try again`);
}

/** The fields of a server's `INFO server`. */
export async function askInfo(url: string): Promise<Record<string, string>> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 });
  // Each failure rejects what was asked as well.
  client.on("error", () => {});
  try {
    const lines = (await client.info("server")).split("\r\n");
    return Object.fromEntries(lines.filter(line => line.includes(":")).map(line => line.split(":", 2)));
  } finally {
    client.disconnect();
  }
}

/** Waits until its replica confirms what is written: only then it also takes part in a WAIT. */
export async function inStep({ url }: RedisServer): Promise<void> {
  const client = new Redis(url);
  client.on("error", () => {});
  try {
    await client.set("in-step", "1");
    await until("the replica is in step", async () => (await client.wait(1, 1000)) === 1);
  } finally {
    client.disconnect();
  }
}

function serverOf(
  kennel: Kennel,
  { file, version }: Binary,
  port: number,
  first: ChildProcess & { pid: number },
  start: () => Promise<ChildProcess & { pid: number }>,
): RedisServer {
  let child = first;
  const kill = () => end(kennel, child, "SIGKILL");
  return {
    host: HOST,
    port,
    url: `redis://${HOST}:${port}`,
    dir: kennel.dir,
    about: `Redis ${version} (${file}) on port ${port}`,
    get pid() {
      return child.pid;
    },
    kill,
    async restart() {
      await kill();
      child = await start();
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async stop() {
      await kill();
      await kennel.close();
    },
  };
}
