import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { end, launch, onFreePort, openKennel } from "./process.ts";
import type { RedisServer } from "./redis.ts";
import { findRedis } from "./redis-binary.ts";

/** A Redis Sentinel that watches one primary, under the name "main". */
export interface RedisSentinel {
  host: string;
  port: number;
  stop(): Promise<void>;
}

/** Starts a sentinel for the primary. */
export async function startRedisSentinel(primary: RedisServer): Promise<RedisSentinel> {
  const { file, env } = await findRedis();
  const kennel = await openKennel("sentinel", "KILL");
  const { host } = primary;
  try {
    return await onFreePort(async port => {
      const config = join(kennel.dir, "sentinel.conf");
      const lines = [
        `port ${port}`,
        `bind ${host}`,
        `dir ${kennel.dir}`,
        `sentinel monitor main ${host} ${primary.port} 1`,
      ];
      await writeFile(config, `${lines.join("\n")}\n`);
      const child = await launch(kennel, { file, env, args: [config, "--sentinel"] }, "Sentinel ID is");
      const stop = async () => {
        await end(kennel, child, "SIGKILL");
        await kennel.close();
      };
      return { host, port, stop };
    });
  } catch (error) {
    await kennel.close();
    throw error;
  }
}
