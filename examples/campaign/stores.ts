import { type IdempotencyStore, memoryStore } from "with-idempotency";
import type { StoreName } from "./settings.ts";

/** Opens a store at its address. Loads no client that it does not need, because a worker is to be there soon. */
export const OPEN: Record<StoreName, (address: string) => Promise<IdempotencyStore>> = {
  async sqlite(file) {
    const [{ default: Database }, { sqliteStore }] = await Promise.all([
      import("libsql"),
      import("with-idempotency/sqlite"),
    ]);
    return sqliteStore(new Database(file));
  },
  async redis(url) {
    const [{ Redis }, { redisStore }] = await Promise.all([
      import("ioredis"),
      import("with-idempotency/redis"),
    ]);
    return redisStore(new Redis(url));
  },
  async postgres(connectionString) {
    const [{ default: pg }, { postgresStore }] = await Promise.all([
      import("pg"),
      import("with-idempotency/postgres"),
    ]);
    const store = postgresStore(new pg.Pool({ connectionString }));
    await store.migrate();
    return store;
  },
  memory: async () => memoryStore({ maxEntries: 2 ** 24 }),
};
