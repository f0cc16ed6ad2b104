import { type Binary, findProgram } from "./debian.ts";

/** A Redis: the one on the PATH, else Debian's. Throws an error that says how to get one. */
export const findRedis = (): Promise<Binary> =>
  findProgram({
    name: "redis-server",
    package: process.platform === "linux" ? "redis-server" : "redis",
    path: "usr/bin/redis-server",
    version: / v=(\S+)/,
    advice: "set TEST_REDIS_URL",
  });

/** Valkey's own server: the one on the PATH, else Debian's, which has it in its backports. */
export const findValkey = (): Promise<Binary> =>
  findProgram({
    name: "valkey-server",
    package: process.platform === "linux" ? "valkey-server" : "valkey",
    suite: "bookworm-backports",
    path: "usr/bin/valkey-server",
    version: / v=(\S+)/,
    advice: "use Redis, which serves the same clients",
  });
