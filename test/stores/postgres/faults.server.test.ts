import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import { type PostgresStore, postgresStore } from "../../../src/stores/postgres/store.ts";
import { type PostgresServer, startPostgres } from "../../support/servers/postgres.ts";
import { pgPool } from "./clients.ts";

vi.setConfig({ testTimeout: 60_000 });

let server: PostgresServer;
let pool: pg.Pool;
let store: PostgresStore;

beforeAll(async () => {
  server = await startPostgres();
  pool = pgPool(server.url);
  store = postgresStore(pool);
  await store.migrate();
}, 60_000);

afterAll(async () => {
  await pool.end();
  await server.stop();
}, 60_000);

const newKey = () => `key-${randomUUID()}`;

describe("a server that crashes", () => {
  it("and comes back keeps what it has confirmed", async () => {
    const key = newKey();
    const { execute } = createIdempotency({ store });
    await execute(key, "1m", () => "sent");
    await server.restart();
    const fn = vi.fn();
    expect(await execute(key, "1m", fn)).toMatchObject({ value: "sent", replayed: true });
    expect(fn).not.toHaveBeenCalled();
  });

  it("in the middle of a run has its completion when it is back", async () => {
    const key = newKey();
    const { execute } = createIdempotency({ store });
    const outcome = await execute(key, "1m", async () => {
      await server.kill();
      return "sent";
    });
    expect(outcome).toMatchObject({ value: "sent", persisted: false });
    await expect(execute("other", "1m", () => 1)).rejects.toMatchObject({ code: "STORE_ERROR" });
    await server.restart();
    await vi.waitFor(async () => expect(await store.read(key)).toMatchObject({ status: "completed" }), {
      timeout: 20_000,
      interval: 100,
    });
    expect(await execute(key, "1m", () => "again")).toMatchObject({ value: "sent", replayed: true });
  });

  it("takes what was on a transaction with it", async () => {
    const key = newKey();
    const client = new pg.Client(server.url);
    client.on("error", () => {});
    await client.connect();
    await client.query("BEGIN");
    await createIdempotency({ store: store.inTransaction(client) }).execute(key, "1m", () => "sent");
    await server.restart();
    await client.end().catch(() => {});
    await vi.waitFor(async () => expect(await store.read(key)).toBeUndefined(), { timeout: 10_000 });
  });
});

describe("a server that hangs", () => {
  it("ends no call later than its storeTimeout, and no run twice", async () => {
    const key = newKey();
    const fn = vi.fn(async () => {
      server.pause();
      return "sent";
    });
    const { execute } = createIdempotency({ store, storeTimeout: "0.5s" });
    try {
      expect(await execute(key, "1m", fn)).toMatchObject({ value: "sent", persisted: false });
      await expect(execute("other", "1m", () => 1)).rejects.toMatchObject({ code: "STORE_ERROR" });
    } finally {
      server.resume();
    }
    await vi.waitFor(async () => expect(await store.read(key)).toMatchObject({ status: "completed" }), {
      timeout: 20_000,
    });
    expect(await execute(key, "1m", fn)).toMatchObject({ value: "sent", replayed: true });
    expect(fn).toHaveBeenCalledTimes(1);
  });
});
