import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { afterEach, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { createIdempotency, type Options } from "../../../src/index.ts";
import { postgresStore } from "../../../src/stores/postgres/store.ts";
import { recorder } from "../../support/calls.ts";
import { startProxy, type Proxy as TcpProxy } from "../../support/proxy.ts";
import { pgPool } from "./clients.ts";
import { LONG, postgresScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = postgresScene(() => inject("postgresUrl"));
let proxy: TcpProxy;
let pool: pg.Pool;
let key: string;

beforeEach(async () => {
  const { hostname: host, port } = new URL(scene.url);
  proxy = await startProxy({ host, port: Number(port) });
  const url = new URL(scene.url);
  url.port = `${proxy.port}`;
  pool = pgPool(url.href);
  await pool.query("SELECT 1");
  key = `key-${randomUUID()}`;
});

afterEach(async () => {
  await proxy.stop();
  await pool.end();
});

/** An instance on the pool, a function that counts its runs, and what was heard. */
function setUp(options: Options = {}, client: pg.Pool = pool) {
  const heard = recorder();
  const store = postgresStore(client, { table: scene.table });
  const { execute } = createIdempotency({ store, onEvent: heard.onEvent, ...options });
  const fn = vi.fn(async () => "sent");
  return { store, heard, fn, call: () => execute(key, "1m", fn) };
}

const asks = (operation: string) => (request: Buffer) => request.includes(`idempotency_${operation}_`);
const state = async () => (await scene.store().read(key))?.status;

describe("a connection that is cut before the reply", () => {
  it("to the claim: the call knows its own token, and runs once", async () => {
    const { call, fn, heard } = setUp();
    const isCut = proxy.cutBeforeReply(asks("claim"));
    expect(await call()).toMatchObject({ value: "sent", attempt: 1, persisted: true });
    await isCut;
    expect(fn).toHaveBeenCalledTimes(1);
    expect(heard.types()).toContain("store-error");
  });

  it("to the completion: completing again is no error", async () => {
    const { call, fn, heard } = setUp();
    const isCut = proxy.cutBeforeReply(asks("complete"));
    expect(await call()).toMatchObject({ value: "sent" });
    await isCut;
    expect(await state()).toBe("completed");
    await sleep(300);
    expect(heard.types()).not.toContain("lease-lost");
    expect(await call()).toMatchObject({ value: "sent", replayed: true, persisted: true });
    expect(fn).toHaveBeenCalledTimes(1);
  });
});

describe("a server that cannot be reached", () => {
  it("before the claim: the call fails closed, quickly", async () => {
    const { call, fn } = setUp();
    proxy.refuse(true);
    proxy.cut();
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR" });
    expect(fn).not.toHaveBeenCalled();
  });

  it("from within fn: the caller gets the value, and the completion is made up for", async () => {
    const { call, fn } = setUp();
    fn.mockImplementation(async () => {
      proxy.refuse(true);
      proxy.cut();
      return "sent";
    });
    expect(await call()).toMatchObject({ value: "sent", persisted: false });
    expect(await state()).toBe("in-progress");
    proxy.refuse(false);
    await vi.waitFor(async () => expect(await state()).toBe("completed"), { timeout: 10_000 });
  });

  it("from within an fn that fails: the caller gets its error", async () => {
    const { call, fn } = setUp();
    fn.mockImplementation(async () => {
      proxy.refuse(true);
      proxy.cut();
      throw new Error("no stock");
    });
    await expect(call()).rejects.toThrow("no stock");
    proxy.refuse(false);
    await vi.waitFor(async () => expect(await state()).toBe("released"), { timeout: 10_000 });
  });

  it("because all vanishes: the call ends by its storeTimeout", async () => {
    const { call, fn } = setUp({ storeTimeout: "0.3s" });
    proxy.blackHole(true);
    const begun = performance.now();
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR" });
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(fn).not.toHaveBeenCalled();
    proxy.blackHole(false);
  });
});

describe("a slow connection", () => {
  it("on which a claim lands late: the key is freed", async () => {
    const { call, fn, heard } = setUp({ storeTimeout: "0.3s" });
    proxy.delay(600);
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR" });
    proxy.delay(0);
    await vi.waitFor(() => expect(heard.types()).toContain("late-claim"), { timeout: 10_000 });
    await vi.waitFor(async () => expect(await state()).toBe("released"), { timeout: 10_000 });
    expect(fn).not.toHaveBeenCalled();
  });

  it("just under the lease: never two at once", async () => {
    let running = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++running);
      await sleep(1_500);
      running--;
      return "sent";
    };
    const options = { lease: "1s", onUncertain: "rerun", storeTimeout: "5s" } as const;
    const slow = setUp(options);
    const quick = setUp(options, scene.pool);
    slow.fn.mockImplementation(work);
    quick.fn.mockImplementation(work);
    proxy.delay(850);
    const first = slow.call();
    await vi.waitFor(() => expect(running).toBe(1), { timeout: 10_000 });
    const second = await quick.call();
    await first;
    // A successor runs only after the lease, and the slow one has been told by then.
    if (most > 1) expect(slow.heard.types()).toContain("lease-lost");
    expect(second.value).toBe("sent");
  });
});

describe("the server", () => {
  it("ends all connections: the claim is made by another", async () => {
    const { call, fn } = setUp();
    await scene.probe.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND client_port = ANY($1)",
      [await clientPorts()],
    );
    expect(await call()).toMatchObject({ persisted: true });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  async function clientPorts(): Promise<number[]> {
    const { rows } = await pool.query(
      "SELECT client_port FROM pg_stat_activity WHERE pid = pg_backend_pid()",
    );
    return rows.map(({ client_port }) => client_port);
  }

  it("ends a statement by its own timeout: the call fails closed and says why", async () => {
    const rival = await scene.client();
    await rival.query("BEGIN");
    await scene
      .store()
      .inTransaction(rival)
      .claim(key, { token: "a", ...LONG });
    const { call, fn } = setUp({}, scene.another({ statement_timeout: "200" }));
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR", cause: { code: "57014" } });
    expect(fn).not.toHaveBeenCalled();
    await rival.query("ROLLBACK");
  });
});

describe("a pool", () => {
  it("that has no connection to give: the call ends by its storeTimeout, and the key is free", async () => {
    const full = scene.another({}, { max: 1 });
    const holder = await full.connect();
    const { call, fn } = setUp({ storeTimeout: "0.3s" }, full);
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR" });
    holder.release();
    await vi.waitFor(async () => expect(await state()).toBe("released"), { timeout: 10_000 });
    expect(fn).not.toHaveBeenCalled();
  });

  it("with fewer connections than calls serves them all", async () => {
    const narrow = scene.another({}, { max: 2 });
    const { execute } = createIdempotency({ store: postgresStore(narrow, { table: scene.table }) });
    const ends = await Promise.all(
      Array.from({ length: 200 }, (_, n) => execute([key, n % 50], "1m", async () => n % 50)),
    );
    expect(ends.filter(({ replayed }) => !replayed).length).toBe(50);
  });
});
