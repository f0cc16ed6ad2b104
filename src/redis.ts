export type {
  GlideLike,
  IoredisLike,
  NodeRedisLike,
  RedisClient,
  UpstashLike,
} from "./stores/redis/client.ts";
export type { RedisStoreOptions } from "./stores/redis/options.ts";
export type { Replicas } from "./stores/redis/replicas.ts";
export { redisStore } from "./stores/redis/store.ts";
export type { StoreWarning } from "./stores/shared/warning.ts";
