import { setTimeout as sleep } from "node:timers/promises";
import type mysql from "mysql2/promise";
import { afterEach, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { createIdempotency, type Options } from "../../../src/index.ts";
import { mysqlStore } from "../../../src/stores/mysql/store.ts";
import { recorder } from "../../support/calls.ts";
import { startProxy, type Proxy as TcpProxy } from "../../support/proxy.ts";
import { mysqlPool } from "./clients.ts";
import { LONG, mysqlScene, newKey, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = mysqlScene(() => inject("mysqlUrl"));
let proxy: TcpProxy;
let pool: mysql.Pool;
let key: string;

beforeEach(async () => {
  const url = new URL(scene.url);
  proxy = await startProxy({ host: url.hostname, port: Number(url.port) });
  url.hostname = "127.0.0.1";
  url.port = `${proxy.port}`;
  pool = mysqlPool(url.href, [], { connectTimeout: 1_000 });
  await pool.query("SELECT 1");
  key = newKey();
});

afterEach(async () => {
  await proxy.stop();
  await pool.end().catch(() => {});
});

/** An instance on the pool, a function that counts its runs, and what was heard. */
function setUp(options: Options = {}, client: mysql.Pool = pool) {
  const heard = recorder();
  const store = mysqlStore(client, { table: scene.table, onWarning() {} });
  const { execute } = createIdempotency({ store, onEvent: heard.onEvent, ...options });
  const fn = vi.fn(async () => "sent");
  return { store, heard, fn, call: () => execute(key, "1m", fn) };
}

/** An `INSERT` claims and an `UPDATE` completes, of a plain call. */
const asks = (verb: "INSERT" | "UPDATE") => (request: Buffer) => request.includes(`${verb} `);
const state = async () => (await scene.store().read(key))?.status;

describe("a connection that is cut before the reply", () => {
  it("to the claim: the call knows its own token, and runs once", async () => {
    const { call, fn, heard } = setUp();
    const isCut = proxy.cutBeforeReply(asks("INSERT"));
    expect(await call()).toMatchObject({ value: "sent", attempt: 1, persisted: true });
    await isCut;
    expect(fn).toHaveBeenCalledTimes(1);
    expect(heard.types()).toContain("store-error");
  });

  it("to the completion: completing again is no error", async () => {
    const { call, fn, heard } = setUp();
    const isCut = proxy.cutBeforeReply(asks("UPDATE"));
    expect(await call()).toMatchObject({ value: "sent" });
    await isCut;
    await vi.waitFor(async () => expect(await state()).toBe("completed"), { timeout: 10_000 });
    await sleep(300);
    expect(heard.types()).not.toContain("lease-lost");
    expect(await call()).toMatchObject({ value: "sent", replayed: true, persisted: true });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it.each(["claimMany", "completeMany"] as const)(
    "to %s: each item fails, and is done again",
    async operation => {
      const { store } = setUp();
      const items = [key, newKey()].map(each => ({ key: each, request: { token: "a", ...LONG } }));
      const completions = items.map(item => ({
        key: item.key,
        token: "a",
        outcome: "sent",
        ttlMs: LONG.ttlMs,
      }));
      if (operation === "completeMany") await store.claimMany!(items);
      const act = () =>
        operation === "claimMany" ? store.claimMany!(items) : store.completeMany!(completions);
      const isCut = proxy.cutBeforeReply(asks(operation === "claimMany" ? "INSERT" : "UPDATE"));
      expect(await act()).toMatchObject([expect.any(Error), expect.any(Error)]);
      await isCut;
      const done = operation === "claimMany" ? { status: "claimed", attempt: 1, runId: "a" } : true;
      expect(await act()).toEqual(
        [done, done].map(each => (each === true ? true : expect.objectContaining(each))),
      );
    },
  );
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
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR" });
    expect(fn).not.toHaveBeenCalled();
    proxy.blackHole(false);
  });
});

describe("a slow connection", () => {
  it("on which a claim lands late: the key is freed", async () => {
    const { call, fn, heard, store } = setUp({ storeTimeout: "0.3s" });
    await store.read(key);
    proxy.delay(600);
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR" });
    proxy.delay(0);
    await vi.waitFor(() => expect(heard.types()).toContain("late-claim"), { timeout: 10_000 });
    await vi.waitFor(async () => expect(await state()).toBe("released"), { timeout: 10_000 });
    expect(fn).not.toHaveBeenCalled();
  });
});

describe("the server", () => {
  it("ends the connections: the claim is made by another", async () => {
    const { call, fn } = setUp();
    const [rows] = await pool.query<mysql.RowDataPacket[]>("SELECT CONNECTION_ID() AS id");
    await scene.ask(`KILL ${rows[0]!["id"]}`);
    expect(await call()).toMatchObject({ persisted: true });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("ends a statement that waits for a lock: the call fails closed and says why", async () => {
    const rival = await scene.connection();
    await rival.beginTransaction();
    await scene
      .store()
      .inTransaction(rival)
      .claim(key, { token: "a", ...LONG });
    const hasty = scene.another(["SET innodb_lock_wait_timeout = 1"]);
    const { call, fn } = setUp({ storeTimeout: "20s" }, hasty);
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR", cause: { errno: 1205 } });
    expect(fn).not.toHaveBeenCalled();
    await rival.rollback();
  });
});

describe("a pool", () => {
  it("that has no connection to give: the call ends by its storeTimeout, and the key is free", async () => {
    const full = scene.another([], { connectionLimit: 1 });
    const holder = await full.getConnection();
    const { call, fn } = setUp({ storeTimeout: "0.3s" }, full);
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR" });
    holder.release();
    await vi.waitFor(async () => expect(await state()).toBe("released"), { timeout: 10_000 });
    expect(fn).not.toHaveBeenCalled();
  });

  it("with fewer connections than calls serves them all", async () => {
    const narrow = scene.another([], { connectionLimit: 2 });
    const { execute } = createIdempotency({ store: mysqlStore(narrow, { table: scene.table }) });
    const ends = await Promise.all(
      Array.from({ length: 200 }, (_, n) => execute([key, n % 50], "1m", async () => n % 50)),
    );
    expect(ends.filter(({ replayed }) => !replayed).length).toBe(50);
  });
});
