import { Redis } from "ioredis";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { type Task, taskOf, work } from "../shared/work.ts";

/** What a process does with a key of a Redis. */
export interface RedisTask extends Task {
  url: string;
  prefix: string;
}

const task = taskOf<RedisTask>();
const redis = new Redis(task.url);
await work(task, redisStore(redis, { prefix: task.prefix }));
redis.disconnect();
