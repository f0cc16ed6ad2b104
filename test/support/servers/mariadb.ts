import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Binary, findProgram } from "./debian.ts";
import { end, launch, onFreePort, openKennel } from "./process.ts";

/** A MariaDB of the test's own, which lets anybody in and keeps nothing. */
export interface MariaDb {
  host: string;
  port: number;
  url: string;
  /** What runs, and where it came from. */
  about: string;
  /** Sends it SIGKILL, and waits for its end. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder, after `kill` or a shutdown. */
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";

/** The one on the PATH, else Debian's. Throws an error that says how to get one. */
const findMariaDb = (): Promise<Binary> =>
  findProgram({
    name: "mariadbd",
    package: process.platform === "linux" ? "mariadb-server-core" : "mariadb",
    path: "usr/sbin/mariadbd",
    version: /Ver (\S+)/,
    advice: "do without its tests",
  });

/** Starts a MariaDB with an empty database `test`; one that `isToBeKilled` has written first what it makes at its start. */
export async function startMariaDb({ isToBeKilled = false } = {}): Promise<MariaDb> {
  const { file, env, version } = await findMariaDb();
  const kennel = await openKennel("mariadb", "KILL");
  try {
    const data = join(kennel.dir, "data");
    // A folder of the data's is a database. Of the system's there is none, for there are no users to look up.
    await mkdir(join(data, "test"), { recursive: true });
    return await onFreePort(async port => {
      const settings = {
        basedir: dirname(dirname(file)),
        datadir: data,
        port,
        "bind-address": HOST,
        socket: join(kennel.dir, "socket"),
        "pid-file": join(kennel.dir, "pid"),
        "innodb-flush-method": "fsync",
        // What a killed process wrote is safe with the operating system, which no test kills.
        "innodb-flush-log-at-trx-commit": "2",
        "innodb-buffer-pool-size": "32M",
        "max-connections": "1000",
        ...(process.getuid?.() === 0 && { user: "root" }),
      };
      const options = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
      const args = ["--no-defaults", "--skip-grant-tables", ...options];
      // It says so only once the port is its own, and ends if it cannot have it.
      const start = () => launch(kennel, { file, args, env }, "ready for connections");
      let child = await start();
      if (isToBeKilled) {
        await end(kennel, child, "SIGTERM");
        child = await start();
      }
      const kill = () => end(kennel, child, "SIGKILL");
      return {
        host: HOST,
        port,
        url: `mysql://root@${HOST}:${port}/test`,
        about: `MariaDB ${version} (${file}) on port ${port}`,
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
    });
  } catch (error) {
    await kennel.close();
    throw error;
  }
}
