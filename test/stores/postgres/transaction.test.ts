import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import postgres from "postgres";
import { beforeAll, describe, expect, inject, it, vi } from "vitest";
import { createIdempotency, type Options, withIdempotency } from "../../../src/index.ts";
import { caught } from "../../support/caught.ts";
import { adapted } from "./clients.ts";
import { LONG, postgresScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = postgresScene(() => inject("postgresUrl"));
const orders = `${scene.table.split(".")[0]}.orders`;
const newKey = () => `key-${randomUUID()}`;

beforeAll(async () => {
  await scene.probe.query(`CREATE TABLE ${orders} (id text)`);
}, SERVER_TEST_MS);

const countOf = async (key: string) =>
  (await scene.probe.query(`SELECT 1 FROM ${orders} WHERE id = $1`, [key])).rows.length;

async function began(level = "READ COMMITTED"): Promise<pg.Client> {
  const client = await scene.client();
  await client.query(`BEGIN ISOLATION LEVEL ${level}`);
  return client;
}

/** Inserts an order on the transaction of the client, once. */
function order(client: pg.Client, key: string, options: Options = {}) {
  const store = scene.store().inTransaction(client);
  const insert = async () => {
    await client.query(`INSERT INTO ${orders} VALUES ($1)`, [key]);
    return `order ${key}`;
  };
  return createIdempotency({ store, ...options }).execute(key, "1m", insert);
}

describe("on a transaction", () => {
  it("the effect and the key are committed together, and replayed on the next", async () => {
    const key = newKey();
    const first = await began();
    expect(await order(first, key)).toMatchObject({ replayed: false, persisted: true });
    expect(await scene.store().read(key)).toBeUndefined();
    await first.query("COMMIT");
    const second = await began();
    expect(await order(second, key)).toMatchObject({ replayed: true, value: `order ${key}` });
    await second.query("COMMIT");
    expect(await countOf(key)).toBe(1);
  });

  it("both vanish together by a rollback", async () => {
    const key = newKey();
    const first = await began();
    await order(first, key);
    await first.query("ROLLBACK");
    expect([await countOf(key), await scene.store().read(key)]).toEqual([0, undefined]);
  });

  it("both vanish together where the process or its connection is killed", async () => {
    const key = newKey();
    const first = await began();
    const { rows } = await first.query("SELECT pg_backend_pid() AS pid");
    await order(first, key);
    await scene.probe.query("SELECT pg_terminate_backend($1)", [rows[0].pid]);
    const second = await began();
    expect(await order(second, key)).toMatchObject({ replayed: false, attempt: 1 });
    await second.query("COMMIT");
    expect(await countOf(key)).toBe(1);
  });

  it("a rival waits for the commit, on a transaction and without one", async () => {
    const key = newKey();
    const first = await began();
    await order(first, key);
    const second = await began();
    const rivals = [
      order(second, key, { storeTimeout: "20s" }),
      createIdempotency({ store: scene.store(), storeTimeout: "20s" }).execute(key, "1m", () => "again"),
    ];
    const settled = vi.fn();
    for (const rival of rivals) rival.then(settled, settled);
    await sleep(200);
    expect(settled).not.toHaveBeenCalled();
    await first.query("COMMIT");
    const [shared, other] = rivals;
    expect(await shared).toMatchObject({ replayed: true, value: `order ${key}` });
    // Having been in the way of the commit, it may hold the row's lock until its own.
    await second.query("COMMIT");
    expect(await other).toMatchObject({ replayed: true, value: `order ${key}` });
    expect(await countOf(key)).toBe(1);
  });

  it("a rival takes its own turn after a rollback", async () => {
    const key = newKey();
    const first = await began();
    await order(first, key);
    const second = await began();
    const rival = order(second, key);
    await sleep(50);
    await first.query("ROLLBACK");
    expect(await rival).toMatchObject({ replayed: false });
    await second.query("COMMIT");
    expect(await countOf(key)).toBe(1);
  });

  it("a rival waits no longer than its storeTimeout", async () => {
    const key = newKey();
    const first = await began();
    await order(first, key);
    const rival = createIdempotency({ store: scene.store(), storeTimeout: "0.3s" }).execute(
      key,
      "1m",
      () => 1,
    );
    await expect(rival).rejects.toMatchObject({ code: "STORE_ERROR" });
    await first.query("COMMIT");
  });

  it.each(["REPEATABLE READ", "SERIALIZABLE"])(
    "a rival with an older snapshot fails by itself: %s",
    async level => {
      const key = newKey();
      const late = await began(level);
      await late.query("SELECT 1");
      const first = await began(level);
      await order(first, key);
      await first.query("COMMIT");
      // Asked twice, the server says of the second statement only that the transaction is aborted.
      await expect(order(late, key)).rejects.toMatchObject({ code: "STORE_ERROR", cause: { code: "40001" } });
      await late.query("ROLLBACK");
      await late.query(`BEGIN ISOLATION LEVEL ${level}`);
      expect(await order(late, key)).toMatchObject({ replayed: true });
      await late.query("COMMIT");
    },
  );

  it("renews without a statement, and only for who holds the key", async () => {
    const key = newKey();
    const client = await began();
    const store = scene.store().inTransaction(client);
    await store.claim(key, { token: "a", ...LONG });
    const query = vi.spyOn(client, "query");
    expect(await store.renew(key, "a", 1_000)).toBe(true);
    expect(query).not.toHaveBeenCalled();
    expect(await store.renew(key, "b", 1_000)).toBe(false);
    expect(await store.renew(key, "a", 0)).toBe(true);
    await client.query("COMMIT");
    expect(await scene.store().read(key)).toMatchObject({ status: "uncertain" });
  });

  it("an error of fn reaches the caller, and the rollback frees the key", async () => {
    const key = newKey();
    const client = await began();
    const events: string[] = [];
    const { execute } = createIdempotency({
      store: scene.store().inTransaction(client),
      onEvent: ({ type }) => events.push(type),
    });
    const failing = execute(key, "1m", () => client.query("SELECT 1 / 0"));
    await expect(failing).rejects.toMatchObject({ code: "22012" });
    await client.query("ROLLBACK");
    expect(events).not.toContain("store-error");
    expect(await scene.store().read(key)).toBeUndefined();
  });

  it("an error of fn that leaves the transaction as it was keeps the attempt where it is committed", async () => {
    const key = newKey();
    const client = await began();
    const failing = createIdempotency({ store: scene.store().inTransaction(client) }).execute(
      key,
      "1m",
      () => {
        throw new Error("no stock");
      },
    );
    await expect(failing).rejects.toThrow("no stock");
    await client.query("COMMIT");
    expect(await scene.store().read(key)).toMatchObject({ status: "released", attempt: 1 });
  });

  it("says what was wrong first, and asks nothing more of a client that others may have by then", async () => {
    const client = await began();
    const missing = scene.store({ table: "nowhere" }).inTransaction(client);
    const query = vi.spyOn(client, "query");
    const call = withIdempotency("k", "1m", () => 1, { store: missing });
    await expect(call).rejects.toMatchObject({ code: "STORE_ERROR", cause: { cause: { code: "42P01" } } });
    await sleep(300);
    expect(query).toHaveBeenCalledTimes(1);
    expect(await missing.release("k", "a")).toBe(true);
  });

  it("passes the value on where fn has hidden that the transaction is aborted", async () => {
    const key = newKey();
    const client = await began();
    const { execute } = createIdempotency({ store: scene.store().inTransaction(client) });
    const call = execute(key, "1m", async () => {
      await client.query("SELECT 1 / 0").catch(() => {});
      return "sent";
    });
    expect(await call).toMatchObject({ value: "sent", persisted: false });
    expect((await client.query("COMMIT")).command).toBe("ROLLBACK");
    expect(await scene.store().read(key)).toBeUndefined();
  });

  it("works with postgres.js", async () => {
    const key = newKey();
    const sql = postgres(scene.url);
    const run = () =>
      sql.begin(transaction => {
        const store = scene.store().inTransaction(adapted(transaction));
        return withIdempotency(key, "1m", async () => [...(await transaction`SELECT 5 AS n`)], { store });
      });
    expect(await run()).toEqual([{ n: 5 }]);
    expect(await run()).toEqual([{ n: 5 }]);
    await sql.end();
  });
});

describe("a client without a transaction", () => {
  it("is refused", async () => {
    const client = await scene.client();
    await client.query("SELECT 1");
    caught(() => scene.store().inTransaction(client), "INVALID_OPTION");
    await client.query("BEGIN");
    scene.store().inTransaction(client);
    await client.query("COMMIT");
    caught(() => scene.store().inTransaction(client), "INVALID_OPTION");
  });

  it("is refused where it is a pool, or nothing that can be asked", () => {
    caught(() => scene.store().inTransaction(scene.pool), "INVALID_OPTION");
    caught(() => scene.store().inTransaction({} as never), "INVALID_OPTION");
  });
});
