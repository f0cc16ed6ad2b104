import type mysql from "mysql2/promise";
import { beforeAll, describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { createIdempotency, type Options, withIdempotency } from "../../../src/index.ts";
import { caught } from "../../support/caught.ts";
import { LONG, mysqlScene, newKey, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = mysqlScene(() => inject("mysqlUrl"));
const orders = `${scene.database}.orders`;

beforeAll(async () => {
  await scene.ask(
    `CREATE TABLE ${orders} (n int AUTO_INCREMENT PRIMARY KEY, id varchar(99)) ENGINE = InnoDB`,
  );
}, SERVER_TEST_MS);

const countOf = async (key: string) =>
  (await scene.ask(`SELECT 1 FROM ${orders} WHERE id = '${key}'`)).length;

async function began(level = "REPEATABLE READ"): Promise<mysql.Connection> {
  const connection = await scene.connection();
  await connection.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${level}`);
  await connection.beginTransaction();
  return connection;
}

/** Inserts an order on the transaction of the connection, once. */
function order(connection: mysql.Connection, key: string, options: Options = {}) {
  const store = scene.store().inTransaction(connection);
  const insert = async () => {
    await connection.query(`INSERT INTO ${orders} (id) VALUES (?)`, [key]);
    return `order ${key}`;
  };
  return createIdempotency({ store, ...options }).execute(key, "1m", insert);
}

const LEVELS = ["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

describe("on a transaction", () => {
  it.each(LEVELS)(
    "the effect and the key are committed together, and replayed on the next: %s",
    async level => {
      const key = newKey();
      const first = await began(level);
      expect(await order(first, key)).toMatchObject({ replayed: false, persisted: true });
      expect(await scene.store().read(key)).toBeUndefined();
      await first.commit();
      const second = await began(level);
      expect(await order(second, key)).toMatchObject({ replayed: true, value: `order ${key}` });
      await second.commit();
      expect(await countOf(key)).toBe(1);
    },
  );

  it("both vanish together by a rollback", async () => {
    const key = newKey();
    const first = await began();
    await order(first, key);
    await first.rollback();
    expect([await countOf(key), await scene.store().read(key)]).toEqual([0, undefined]);
  });

  it("both vanish together where the process or its connection is killed", async () => {
    const key = newKey();
    const first = await began();
    await order(first, key);
    await scene.ask(`KILL ${first.threadId}`);
    const second = await began();
    expect(await order(second, key)).toMatchObject({ replayed: false, attempt: 1 });
    await second.commit();
    expect(await countOf(key)).toBe(1);
  });

  it.each(LEVELS)("a rival waits for the commit, on a transaction and without one: %s", async level => {
    const key = newKey();
    const first = await began();
    await order(first, key);
    const second = await began(level);
    const rivals = [
      order(second, key, { storeTimeout: "20s" }),
      createIdempotency({ store: scene.store(), storeTimeout: "20s" }).execute(key, "1m", () => "again"),
    ];
    const settled = vi.fn();
    for (const rival of rivals) rival.then(settled, settled);
    await scene.waiting(2);
    expect(settled).not.toHaveBeenCalled();
    await first.commit();
    const [shared, other] = rivals;
    expect(await shared).toMatchObject({ replayed: true, value: `order ${key}` });
    // It holds the record's lock until its own end.
    await second.commit();
    expect(await other).toMatchObject({ replayed: true, value: `order ${key}` });
    expect(await countOf(key)).toBe(1);
  });

  it("a rival takes its own turn after a rollback", async () => {
    const key = newKey();
    const first = await began();
    await order(first, key);
    const second = await began();
    const rival = order(second, key);
    await scene.waiting();
    await first.rollback();
    expect(await rival).toMatchObject({ replayed: false });
    await second.commit();
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
    await first.commit();
  });

  // A serializable transaction would lock what it has read.
  it.each(LEVELS.slice(0, 3))("what was committed after its snapshot is met: %s", async level => {
    const key = newKey();
    const late = await began(level);
    await late.query(`SELECT count(*) FROM ${scene.table}`);
    const first = await began();
    await order(first, key);
    await first.commit();
    expect(await order(late, key)).toMatchObject({ replayed: true, value: `order ${key}` });
    await late.commit();
    expect(await countOf(key)).toBe(1);
  });

  it("a record that was released, or is past its time, after its snapshot is taken", async () => {
    const [released, expired] = [newKey(), newKey()];
    const store = scene.store();
    for (const key of [released, expired]) await store.claim(key, { token: "a", ...LONG });
    const late = await began();
    await late.query(`SELECT count(*) FROM ${scene.table}`);
    await store.release(released, "a");
    await scene.ask(`UPDATE ${scene.table} SET expires_at = 1 WHERE \`key\` = '${expired}'`);
    const within = scene.store().inTransaction(late);
    expect(await within.claim(released, { token: "b", ...LONG })).toMatchObject({ attempt: 2, runId: "a" });
    expect(await within.claim(expired, { token: "b", ...LONG })).toMatchObject({ attempt: 1, runId: "b" });
    await late.rollback();
  });

  it("renews without a statement, and only for who holds the key", async () => {
    const key = newKey();
    const connection = await began();
    const store = scene.store().inTransaction(connection);
    await store.claim(key, { token: "a", ...LONG });
    const query = vi.spyOn(connection, "query");
    expect(await store.renew(key, "a", 1_000)).toBe(true);
    expect(query).not.toHaveBeenCalled();
    expect(await store.renew(key, "b", 1_000)).toBe(false);
    expect(await store.renew(key, "a", 0)).toBe(true);
    await connection.commit();
    expect(await scene.store().read(key)).toMatchObject({ status: "uncertain" });
  });

  it("leaves the connection's LAST_INSERT_ID() as its user made it", async () => {
    const connection = await began();
    await connection.query(`INSERT INTO ${orders} (n, id) VALUES (1000, 'x')`);
    await connection.query("SELECT LAST_INSERT_ID(77)");
    const key = newKey();
    const store = scene.store().inTransaction(connection);
    for (const token of ["a", "b"]) await store.claim(key, { token, ...LONG });
    await store.complete(key, "a", "sent", LONG.ttlMs);
    const [rows] = await connection.query("SELECT LAST_INSERT_ID() AS id");
    expect(rows).toEqual([{ id: 77 }]);
    await connection.rollback();
  });

  it("an error of fn reaches the caller, and the rollback frees the key", async () => {
    const key = newKey();
    const connection = await began();
    const events: string[] = [];
    const { execute } = createIdempotency({
      store: scene.store().inTransaction(connection),
      onEvent: ({ type }) => events.push(type),
    });
    const failing = execute(key, "1m", () => connection.query("SELECT nonsense"));
    await expect(failing).rejects.toMatchObject({ errno: 1054 });
    await connection.rollback();
    expect(events).not.toContain("store-error");
    expect(await scene.store().read(key)).toBeUndefined();
  });

  it("an error of fn keeps the attempt where the transaction is committed", async () => {
    const key = newKey();
    const connection = await began();
    const { execute } = createIdempotency({ store: scene.store().inTransaction(connection) });
    const failing = execute(key, "1m", () => {
      throw new Error("no stock");
    });
    await expect(failing).rejects.toThrow("no stock");
    await connection.commit();
    expect(await scene.store().read(key)).toMatchObject({ status: "released", attempt: 1 });
  });

  it("says what was wrong first, and asks nothing more of a connection that others may have by then", async () => {
    const connection = await began();
    const missing = scene.store({ table: `${scene.database}.nowhere` }).inTransaction(connection);
    const query = vi.spyOn(connection, "query");
    const call = withIdempotency("k", "1m", () => 1, { store: missing });
    await expect(call).rejects.toMatchObject({
      code: "STORE_ERROR",
      message: expect.stringContaining("call migrate()"),
    });
    // Whether a transaction is open, and the claim.
    expect(query).toHaveBeenCalledTimes(2);
    expect(await missing.release("k", "a")).toBe(true);
  });

  it("tries no deadlock again, which has ended the transaction", async () => {
    const [a, b] = [newKey(), newKey()];
    const [first, second] = [await began(), await began()];
    const [one, other] = [first, second].map(connection => scene.store().inTransaction(connection)) as [
      ReturnType<ReturnType<typeof scene.store>["inTransaction"]>,
      ReturnType<ReturnType<typeof scene.store>["inTransaction"]>,
    ];
    await one.claim(a, { token: "1", ...LONG });
    await other.claim(b, { token: "2", ...LONG });
    const crossed = Promise.resolve(one.claim(b, { token: "1", ...LONG })).catch(error => error);
    await scene.waiting();
    const query = [vi.spyOn(first, "query"), vi.spyOn(second, "query")];
    const met = await Promise.resolve(other.claim(a, { token: "2", ...LONG })).catch(error => error);
    // Which of them is the victim is the server's to say.
    const isFirst = !(met as { errno?: number }).errno;
    const victim = isFirst ? await crossed : met;
    expect(victim).toMatchObject({ errno: 1213 });
    const store = isFirst ? one : other;
    const calls = query[isFirst ? 0 : 1]!.mock.calls.length;
    await expect(store.claim(newKey(), { token: "3", ...LONG })).rejects.toMatchObject({ errno: 1213 });
    expect(await store.release(isFirst ? a : b, isFirst ? "1" : "2")).toBe(true);
    expect(query[isFirst ? 0 : 1]!.mock.calls.length).toBe(calls);
    await Promise.all([first.rollback(), second.rollback()]);
    await crossed;
  });

  it("does not say that a key is released where its statement failed and a commit would keep the claim", async () => {
    const key = newKey();
    const connection = await began();
    const store = scene.store().inTransaction(connection);
    await store.claim(key, { token: "1", ...LONG });
    const interrupted = Object.assign(new Error("Query execution was interrupted"), { errno: 1317 });
    vi.spyOn(connection, "query").mockRejectedValueOnce(interrupted);
    await expect(store.release(key, "1")).rejects.toBe(interrupted);
    await connection.commit();
    expect(await scene.store().read(key)).toMatchObject({ status: "in-progress" });
  });

  it.each(["a connection of a pool", "a connection with callbacks"])("works on %s", async kind => {
    const key = newKey();
    const connection = await scene.pool.getConnection();
    onTestFinished(() => connection.release());
    await connection.beginTransaction();
    const client = kind.includes("callbacks") ? connection.connection : connection;
    const store = scene.store().inTransaction(client as never);
    expect(await withIdempotency(key, "1m", () => 5, { store })).toBe(5);
    await connection.commit();
    expect(await scene.store().read(key)).toMatchObject({ status: "completed" });
  });
});

describe("a connection without a transaction", () => {
  it("is refused before anything is written", async () => {
    const connection = await scene.connection();
    const key = newKey();
    const store = scene.store().inTransaction(connection);
    await expect(store.claim(key, { token: "a", ...LONG })).rejects.toMatchObject({
      code: "STORE_ERROR",
      message: expect.stringContaining("await its beginTransaction() first"),
    });
    expect(await scene.store().read(key)).toBeUndefined();
  });

  it("that has ended one meanwhile is refused", async () => {
    const connection = await began();
    const key = newKey();
    const store = scene.store().inTransaction(connection);
    await store.claim(key, { token: "a", ...LONG });
    await connection.commit();
    await expect(store.complete(key, "a", "x", LONG.ttlMs)).rejects.toMatchObject({ code: "STORE_ERROR" });
  });

  it("is refused where it is a pool, or nothing that can be asked", () => {
    caught(() => scene.store().inTransaction(scene.pool), "INVALID_OPTION");
    caught(() => scene.store().inTransaction({} as never), "INVALID_OPTION");
  });

  it("may have autocommit off, by which one is always open", async () => {
    const connection = await scene.connection();
    await connection.query("SET autocommit = 0");
    const key = newKey();
    expect(await order(connection, key)).toMatchObject({ replayed: false });
    await connection.rollback();
    expect(await scene.store().read(key)).toBeUndefined();
  });
});
