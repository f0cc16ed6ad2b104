// A worker that sends one message and never hears of it, until it is killed: an application of the runbooks' tests.
import { Redis } from "ioredis";
import pg from "pg";
import { createIdempotency, type IdempotencyStore } from "../../src/index.ts";
import { postgresStore } from "../../src/postgres.ts";
import { redisStore } from "../../src/redis.ts";

const [kind, address = "", name = "", provider = "", key = "", when] = process.argv.slice(2);

const STORES: Record<string, () => IdempotencyStore> = {
  redis: () => redisStore(new Redis(address), { prefix: name }),
  postgres: () => postgresStore(new pg.Pool({ connectionString: address }), { table: name }),
};

const emails = createIdempotency({ store: STORES[kind!]!(), namespace: "emails", lease: "1s" });
void emails.withIdempotency(key, "1h", async ({ idempotencyKey }) => {
  if (when === "after") await fetch(`${provider}/${idempotencyKey}`, { method: "POST" });
  process.stdout.write("sent\n");
  // The answer is on its way.
  await new Promise(resolve => setTimeout(resolve, 3_600_000));
});
