export type { IoredisLike, NodeRedisLike, RedisClient } from "./stores/redis/client.ts";
export type { Replicas } from "./stores/redis/replicas.ts";
export { type RedisStoreOptions, redisStore } from "./stores/redis/store.ts";
export type { StoreWarning } from "./stores/shared/warning.ts";
