import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { createIdempotency, type Idempotency, type IdempotencyStore } from "../../src/index.ts";
import { postgresStore } from "../../src/postgres.ts";
import { reconcile } from "../../src/reconcile.ts";
import { redisStore } from "../../src/redis.ts";
import { redisUrl } from "../support/servers/describe.ts";
import { until } from "../support/servers/process.ts";
import { startRedis } from "../support/servers/redis.ts";
import { command, linesOf, run, SOURCE } from "./command.ts";

// The runbooks of docs/operations.md, step by step.
const LONG = { timeout: 120_000 };

/** A provider of messages: it knows what it took, by the reference that came along. */
interface Provider {
  url: string;
  taken: Map<string, string>;
  /** Takes the request, and answers, or cuts the connection, or takes nothing and cuts it. */
  mood: "fine" | "cut after" | "cut before";
  server: Server;
}

async function startProvider(): Promise<Provider> {
  const provider = { taken: new Map<string, string>(), mood: "fine" } as Provider;
  provider.server = createServer((request, response) => {
    const reference = request.url!.slice(1);
    if (provider.mood !== "cut before") provider.taken.set(reference, `msg_${provider.taken.size + 1}`);
    if (provider.mood === "fine") response.end(provider.taken.get(reference));
    else request.socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(provider.server, "listening");
  provider.url = `http://127.0.0.1:${(provider.server.address() as AddressInfo).port}`;
  return provider;
}

interface Ground {
  store: IdempotencyStore;
  /** As the worker takes it. */
  worker: string[];
  at: string[];
  close(): Promise<unknown>;
}

const GROUNDS: [string, () => Promise<Ground>][] = [
  [
    "Redis",
    async () => {
      const client = new Redis(redisUrl()!);
      const prefix = `${randomUUID()}:`;
      return {
        store: redisStore(client, { prefix }),
        worker: ["redis", redisUrl()!, prefix],
        at: ["--redis", redisUrl()!, "--prefix", prefix],
        close: async () => client.disconnect(),
      };
    },
  ],
  [
    "PostgreSQL",
    async () => {
      const url = inject("postgresUrl");
      const pool = new pg.Pool({ connectionString: url });
      const table = `keys_${randomUUID().replaceAll("-", "")}`;
      const store = postgresStore(pool, { table });
      await store.migrate();
      return {
        store,
        worker: ["postgres", url, table],
        at: ["--postgres", url, "--table", table],
        close: () => pool.query(`DROP TABLE ${table}`).then(() => pool.end()),
      };
    },
  ],
];

let provider: Provider;
beforeEach(async () => {
  provider = await startProvider();
});
afterEach(() => {
  provider.server.close();
});

const withRedis = redisUrl() !== undefined;

describe.each(withRedis ? GROUNDS : GROUNDS.slice(1))("on %s", (_, open) => {
  let ground: Ground;
  let emails: Idempotency;
  beforeAll(async () => {
    ground = await open();
    emails = createIdempotency({ store: ground.store, namespace: "emails" });
  });
  afterAll(() => ground.close());

  const list = async () => linesOf(await command(["list", ...ground.at]));
  const send = (key: string) =>
    emails.withIdempotency(key, "1h", async ({ idempotencyKey }) => {
      const response = await fetch(`${provider.url}/${idempotencyKey}`, { method: "POST" });
      return { id: await response.text() };
    });

  it.each(["after", "before"])("a worker died, %s the provider took its message", LONG, async when => {
    const key = `order-shipped:${when}`;
    const file = join(import.meta.dirname, "runbook-worker.ts");
    const args = [...SOURCE.slice(0, -1), file, ...ground.worker, provider.url, key, when];
    const worker = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(worker.stdout!, "data");
    worker.kill("SIGKILL");
    await once(worker, "exit");

    // 1. It shows when its lease has ended.
    await until("the key is uncertain", async () => (await list()).length > 0);
    await expect(send(key)).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    const [entry] = (await list()) as { key: string; idempotencyKey: string }[];
    expect(entry).toMatchObject({ key, namespace: "emails", attempt: 1 });
    // 2. Look at the provider.
    const found = provider.taken.get(entry!.idempotencyKey);
    expect(found === undefined).toBe(when === "before");
    // 3. Settle it, by the command as a process.
    const verb =
      found === undefined
        ? ["reopen", key]
        : ["resolve", key, "--value", JSON.stringify({ id: found }), "--ttl", "24h"];
    const settled = await run(process.execPath, [
      ...SOURCE,
      ...verb,
      "--namespace",
      "emails",
      "--yes",
      ...ground.at,
    ]);
    expect(settled).toMatchObject({ code: 0, err: "" });
    // 4. Nothing is left, and the message was sent once.
    expect(await list()).toEqual([]);
    expect(await send(key)).toEqual({ id: "msg_1" });
    expect([...provider.taken.keys()]).toEqual([entry!.idempotencyKey]);
  });

  it("the provider was down", LONG, async () => {
    const keys = Array.from({ length: 12 }, (_, n) => `provider-down:${n}`);
    for (const [n, key] of keys.entries()) {
      provider.mood = n % 2 === 0 ? "cut after" : "cut before";
      await expect(send(key)).rejects.toThrow("fetch failed");
    }
    // It refuses connections: nothing was sent, and the key is free.
    const { url } = provider;
    provider.url = "http://127.0.0.1:1";
    await expect(send("refused")).rejects.toThrow("fetch failed");
    expect(linesOf(await command(["list", "--state", "released", ...ground.at]))).toContainEqual(
      expect.objectContaining({ key: "refused" }),
    );
    // 1, 2. It is back.
    Object.assign(provider, { url, mood: "fine" });
    const uncertain = new Set((await list()).map(({ key }) => key));
    expect([...uncertain].sort()).toEqual(keys.toSorted());
    // 3. Reconcile.
    const done = await reconcile(emails, {
      ttl: "24h",
      olderThan: "0s",
      find: ({ idempotencyKey }) => {
        const id = provider.taken.get(idempotencyKey);
        return id === undefined ? { happened: false } : { happened: true, value: { id } };
      },
    });
    expect(done).toEqual({ looked: 12, resolved: 6, reopened: 6, left: 0, failed: 0 });
    // 4. Nothing is left, and each message was sent once.
    expect(await list()).toEqual([]);
    const receipts = await Promise.all([...keys, "refused"].map(send));
    expect(new Set(receipts.map(({ id }) => id)).size).toBe(13);
    expect(provider.taken.size).toBe(13);
  });
});

describe.skipIf(!withRedis)("Redis was lost", () => {
  it("and what was sent is recorded again before the workers start", LONG, async () => {
    const server = await startRedis();
    const client = new Redis(server.url);
    client.on("error", () => {});
    try {
      const emails = createIdempotency({ store: redisStore(client), namespace: "emails" });
      const sent = new Map<string, string>();
      const send = (key: string) =>
        emails.withIdempotency(key, "1h", () => {
          sent.set(key, `msg_${sent.size + 1}`);
          return { id: sent.get(key)! };
        });
      for (const key of ["a", "b", "c"]) await send(key);
      await server.restart();
      const at = ["--redis", server.url];
      await until("Redis is back", async () => (await command(["list", ...at])).code === 0);
      expect(linesOf(await command(["list", "--state", "completed", ...at]))).toEqual([]);

      // 2. What to mend, and that it is mended.
      const found = await command(["doctor", ...at]);
      expect(found).toMatchObject({ code: 1, out: expect.stringContaining("CONFIG SET appendonly yes") });
      await until("the client is back", () => client.status === "ready");
      await client.config("SET", "appendonly", "yes");
      await until("the file is there", async () => {
        const info = await client.info("persistence");
        return /aof_enabled:1/.test(info) && /aof_rewrite_in_progress:0/.test(info);
      });
      expect(await command(["doctor", ...at])).toMatchObject({ code: 0 });

      // 4. From the provider's log.
      for (const [key, id] of sent) await emails.withIdempotency(key, "1h", () => ({ id }));
      // 5. Nothing is sent twice, even if it is lost again.
      expect(linesOf(await command(["list", "--state", "completed", ...at]))).toHaveLength(3);
      await sleep(1_100);
      await server.restart();
      await until("the client is back", () => client.status === "ready");
      for (const key of ["a", "b", "c"]) expect(await send(key)).toEqual({ id: sent.get(key) });
      expect(sent.size).toBe(3);
    } finally {
      client.disconnect();
      await server.stop();
    }
  });
});
