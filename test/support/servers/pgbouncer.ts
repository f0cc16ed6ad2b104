import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { type Binary, findProgram } from "./debian.ts";
import { unprivileged } from "./postgres-binary.ts";
import { end, type Kennel, launch, onFreePort, openKennel } from "./process.ts";

/** A PgBouncer in transaction mode, in front of a PostgreSQL. */
export interface PgBouncer {
  url: string;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";

/** The one on the PATH, else Debian's. Throws an error that says how to get one. */
export const findPgBouncer = (): Promise<Binary> =>
  findProgram({
    name: "pgbouncer",
    package: "pgbouncer",
    path: "usr/sbin/pgbouncer",
    version: /PgBouncer (\S+)/,
    advice: "do without its tests",
  });

/** Whether it keeps track of prepared statements, as it does from 1.21. */
export function tracksPrepared({ version }: Binary): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 1 || minor >= 21;
}

/** Starts one in front of the server, each of whose clients shares three connections with all others. */
export async function startPgBouncer(binary: Binary, server: string): Promise<PgBouncer> {
  const kennel = await openKennel("pgbouncer", "KILL");
  try {
    return await onFreePort(port => launchPgBouncer(kennel, binary, port, server));
  } catch (error) {
    await kennel.close();
    throw error;
  }
}

async function launchPgBouncer(kennel: Kennel, binary: Binary, port: number, server: string) {
  const file = join(kennel.dir, "pgbouncer.ini");
  await writeFile(file, configOf(port, server, tracksPrepared(binary)));
  const command = { ...binary, args: [file], ...(await unprivileged(kennel.dir)) };
  const child = await launch(kennel, command, "process up");
  try {
    await verify(port, file);
  } catch (error) {
    await end(kennel, child, "SIGKILL");
    throw error;
  }
  return {
    url: `postgres://postgres@${HOST}:${port}/postgres`,
    async stop() {
      await end(kennel, child, "SIGKILL");
      await kennel.close();
    },
  };
}

function configOf(port: number, server: string, tracks: boolean): string {
  const { hostname, port: serverPort } = new URL(server);
  return `[databases]
* = host=${hostname} port=${serverPort} user=postgres
[pgbouncer]
listen_addr = ${HOST}
listen_port = ${port}
unix_socket_dir =
auth_type = any
admin_users = postgres
pool_mode = transaction
default_pool_size = 3
${tracks ? "max_prepared_statements = 100" : ""}
`;
}

/** Makes sure that who answers there is the process that was started. */
async function verify(port: number, file: string): Promise<void> {
  const client = new pg.Client({ host: HOST, port, user: "postgres", database: "pgbouncer" });
  await client.connect();
  try {
    const { rows } = await client.query<{ key: string; value: string }>("SHOW CONFIG");
    const got = rows.find(({ key }) => key === "conffile")?.value;
    if (got !== file)
      throw new Error(`expected PgBouncer on port ${port} to use ${file}; got ${got}: try again`);
  } finally {
    await client.end();
  }
}
