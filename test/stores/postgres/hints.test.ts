import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import pg from "pg";
import { describe, expect, inject, it, onTestFinished, vi } from "vitest";
import type { PostgresStore } from "../../../src/stores/postgres/store.ts";
import { postgresStore } from "../../../src/stores/postgres/store.ts";
import { startPostgres } from "../../support/servers/postgres.ts";
import { LONG, postgresScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: 2 * SERVER_TEST_MS });

const scene = postgresScene(() => inject("postgresUrl"));

const soon = () => new Promise(resolve => setImmediate(resolve));

/** A connected client that is ended with the test. */
async function clientOf(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** Everything that notifies, done on a server that refuses each notification. */
async function endsClaims(store: PostgresStore): Promise<void> {
  const claim = async (key: string) => {
    expect(await store.claim(key, { token: "a", ...LONG })).toMatchObject({ status: "claimed" });
  };
  for (const key of ["completed", "released", "held", "forgotten"]) await claim(key);
  expect(await store.complete("completed", "a", "sent", LONG.ttlMs)).toBe(true);
  expect(await store.release("released", "a")).toBe(true);
  expect(await store.renew("held", "a", 0)).toBe(true);
  expect(await store.settle("held", "found", LONG.ttlMs)).toBe(true);
  expect(await store.forget("forgotten", { runId: "a", attempt: 1 })).toBe(true);
  expect(await store.forget("released")).toBe(true);
  expect(await store.complete("nothing", "a", "sent", LONG.ttlMs)).toBe(false);
  expect(await store.read("completed")).toMatchObject({ outcome: "sent" });
}

describe("one listener", () => {
  it("of many tables has one pair of handlers, and wakes who waits for each", async () => {
    const warned = vi.fn();
    process.on("warning", warned);
    onTestFinished(() => void process.off("warning", warned));
    const listener = await scene.client();
    const before = listener.listenerCount("error");
    const stores = Array.from({ length: 12 }, (_, n) =>
      scene.store({ listener, table: `${scene.table.split(".")[0]}.many_${n}` }),
    );
    await Promise.all(stores.map(store => store.migrate()));
    expect(listener.listenerCount("notification")).toBe(1);
    expect(listener.listenerCount("error")).toBe(before + 1);
    const never = new AbortController();
    for (const [n, store] of stores.entries()) {
      await store.claim(`${n}`, { token: "a", ...LONG });
      const told = store.settled!(`${n}`, never.signal);
      await soon();
      // Behind the LISTEN, on the one connection that takes both.
      await listener.query("SELECT 1");
      expect(await store.complete(`${n}`, "a", "sent", LONG.ttlMs)).toBe(true);
      await told;
    }
    await soon();
    expect(warned).not.toHaveBeenCalled();
  });

  it("is asked in nobody's context", async () => {
    const context = new AsyncLocalStorage<string>();
    const listener = await scene.client();
    const seen: unknown[] = [];
    vi.spyOn(listener, "query").mockImplementation((async () => {
      seen.push(context.getStore());
    }) as never);
    const store = scene.store({ listener });
    await context.run("a call", () => store.settled!("k", AbortSignal.timeout(10)));
    await vi.waitFor(() => expect(seen).toEqual([undefined, undefined]), { timeout: 5_000 });
  });
});

describe("a server that refuses notifications ends claims all the same", () => {
  it("where their queue is full", async () => {
    const server = await startPostgres({ settings: { max_notify_queue_pages: "64" } });
    onTestFinished(() => server.stop());
    const [holder, talker, pool] = [
      await clientOf(server.url),
      await clientOf(server.url),
      await clientOf(server.url),
    ];
    // Whoever listens and is in a transaction keeps all that comes after its begin.
    await holder.query("LISTEN queue_full");
    await holder.query("BEGIN");
    await holder.query("SELECT 1");
    const fill = async () => {
      for (;;) await talker.query("SELECT pg_notify('queue_full', repeat('x', 7900))");
    };
    await expect(fill()).rejects.toMatchObject({ code: "54000" });
    const store = postgresStore(pool, { listener: await clientOf(server.url) });
    await store.migrate();
    await endsClaims(store);
  });

  it("where nobody may call their function", async () => {
    const name = `refusing_${randomUUID().replaceAll("-", "")}`;
    await scene.probe.query(`CREATE DATABASE ${name}`);
    await scene.probe.query(`CREATE ROLE ${name} LOGIN`);
    onTestFinished(async () => {
      await scene.probe.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await scene.probe.query(`DROP ROLE ${name}`);
    });
    const url = new URL(scene.url);
    url.pathname = name;
    const owner = await clientOf(url.href);
    await owner.query(`GRANT CREATE ON SCHEMA public TO ${name}`);
    await owner.query("REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC");
    url.username = name;
    const store = postgresStore(await clientOf(url.href), { listener: await clientOf(url.href) });
    await store.migrate();
    await endsClaims(store);
  });
});
