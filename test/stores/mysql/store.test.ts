import callbacks from "mysql2";
import mysql from "mysql2/promise";
import { beforeAll, describe, expect, inject, it, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import type { MysqlClient, MysqlQuery } from "../../../src/stores/mysql/client.ts";
import { mysqlSchema, mysqlStore } from "../../../src/stores/mysql/store.ts";
import { caught } from "../../support/caught.ts";
import { newName } from "./clients.ts";
import { LONG, mysqlScene, newKey, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = mysqlScene(() => inject("mysqlUrl"));
const newTable = () => `${scene.database}.${newName("t")}`;

/** A client that keeps what it is asked. */
function watched(client: mysql.Pool = scene.pool) {
  const sent: string[] = [];
  const query = (each: MysqlQuery) => {
    sent.push(each.sql);
    return client.query(each);
  };
  return { sent, client: { query, execute() {} } as MysqlClient };
}

describe("the types of mysql2's clients", () => {
  it("are those of the store", () => {
    const take = (_: MysqlClient) => {};
    const never = () => {
      take({} as mysql.Pool);
      take({} as mysql.PoolConnection);
      take({} as mysql.Connection);
      take({} as callbacks.Pool);
      take({} as callbacks.PoolConnection);
      take({} as callbacks.Connection);
    };
    expect(never).toBeTypeOf("function");
  });
});

describe("statements", () => {
  it("are one for a first claim, one for a completion, two for a replay, and write nothing then", async () => {
    const { client, sent } = watched();
    const { execute } = createIdempotency({ store: scene.store({}, client) });
    const key = newKey();
    await execute("warm", "1m", () => 1);
    sent.length = 0;
    await execute(key, "1m", () => "sent");
    expect(sent.map(sql => sql.split(" ")[0])).toEqual(["INSERT", "UPDATE"]);
    sent.length = 0;
    const row = () => scene.ask(`SELECT * FROM ${scene.table} WHERE \`key\` = '${key}'`);
    const before = await row();
    expect(await execute(key, "1m", () => "again")).toMatchObject({ value: "sent", replayed: true });
    expect(sent.map(sql => sql.split(" ")[0])).toEqual(["INSERT", "SELECT"]);
    expect(await row()).toEqual(before);
  });

  it("hold no text as it is: what a key, a token and a result say reaches no parser", async () => {
    const { client, sent } = watched();
    const store = scene.store({}, client);
    const evil = `');  DROP TABLE x; -- ? :key \\`;
    await store.claim(evil, { token: evil, fingerprint: evil, ...LONG });
    await store.complete(evil, evil, evil, LONG.ttlMs);
    expect(await store.read(evil)).toMatchObject({ outcome: evil, fingerprint: evil, runId: evil });
    expect(sent.join()).not.toContain("DROP");
  });
});

describe("the session's settings", () => {
  const MODES = [
    "",
    "STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_DATE,NO_ZERO_IN_DATE",
    "ANSI,NO_BACKSLASH_ESCAPES",
    "HIGH_NOT_PRECEDENCE,IGNORE_SPACE",
    "PAD_CHAR_TO_FULL_LENGTH",
  ];
  const OF_MARIADB = [
    "SIMULTANEOUS_ASSIGNMENT",
    "ORACLE",
    "MSSQL",
    "EMPTY_STRING_IS_NULL",
    "TIME_ROUND_FRACTIONAL",
  ];
  let isMariaDb: boolean;
  beforeAll(async () => {
    const [row] = await scene.ask("SELECT VERSION() AS version");
    isMariaDb = /mariadb/i.test(String(row!["version"]));
  });

  /** What goes through all of the state machine. */
  async function exercise(settings: readonly string[]): Promise<void> {
    const store = scene.store({}, scene.another(settings));
    const key = newKey();
    const first = { token: "a", fingerprint: "f", ...LONG };
    expect(await store.claim(key, first)).toMatchObject({ status: "claimed", attempt: 1, runId: "a" });
    expect(await store.claim(key, first)).toMatchObject({ status: "claimed", attempt: 1, takeover: false });
    expect(await store.claim(key, { token: "b", ...LONG })).toMatchObject({
      status: "in-progress",
      fingerprint: "f",
    });
    expect(await store.renew(key, "a", 0)).toBe(true);
    expect(await store.claim(key, { token: "b", ...LONG })).toMatchObject({ status: "uncertain" });
    const { claimedAt } = (await store.read(key))!;
    expect(Math.abs(claimedAt - Date.now())).toBeLessThan(600_000);
    expect(await store.claim(key, { token: "b", ...LONG, rerun: true })).toMatchObject({
      attempt: 2,
      takeover: true,
    });
    expect(await store.read(key)).toMatchObject({
      runId: "a",
      claimedAt,
      fingerprint: "f",
      status: "in-progress",
    });
    expect(await store.release(key, "b")).toBe(true);
    const other = { token: "c", fingerprint: "g", ...LONG };
    expect(await store.claim(key, other)).toMatchObject({ attempt: 1, runId: "c", takeover: false });
    expect(await store.complete(key, "c", "sent", LONG.ttlMs)).toBe(true);
    expect(await store.complete(key, "c", "other", LONG.ttlMs)).toBe(true);
    expect(await store.claim(key, { token: "d", ...LONG })).toMatchObject({
      status: "completed",
      outcome: "sent",
    });
    const listed = [];
    for await (const each of store.list!({ prefix: key, status: "completed" })) listed.push(each);
    expect(listed).toMatchObject([{ key, outcome: "sent", fingerprint: "g" }]);
    await scene.ask(`UPDATE ${scene.table} SET expires_at = 1, purge_at = 1 WHERE \`key\` = '${key}'`);
    expect(await store.purge()).toBeGreaterThanOrEqual(1);
    expect(await store.read(key)).toBeUndefined();
    const many = [newKey(), newKey()];
    const items = many.map(each => ({ key: each, request: { token: "a", fingerprint: "f", ...LONG } }));
    expect(await store.claimMany!(items)).toMatchObject([{ attempt: 1 }, { attempt: 1 }]);
    const holders = many.map(each => ({ key: each, token: "a" }));
    expect(await store.releaseMany!(holders)).toEqual([true, true]);
    expect(await store.claimMany!(items)).toMatchObject([{ attempt: 2 }, { attempt: 2 }]);
    const completions = holders.map(each => ({ ...each, outcome: "sent", ttlMs: LONG.ttlMs }));
    expect(await store.completeMany!(completions)).toEqual([true, true]);
  }

  it.each(MODES)("sql_mode '%s' changes nothing", mode => exercise([`SET sql_mode = '${mode}'`]));

  it.each(OF_MARIADB)("MariaDB's sql_mode %s changes nothing", async mode => {
    const known = isMariaDb ? [`SET sql_mode = '${mode}'`] : [];
    await exercise(known);
  });

  it.each([
    "SET time_zone = '-11:00'",
    "SET NAMES latin1",
    "SET NAMES gbk",
    "SET collation_connection = utf16_general_ci",
    "SET character_set_results = NULL",
    "SET div_precision_increment = 0",
    "SET group_concat_max_len = 4",
    "SET sql_safe_updates = 1",
    "SET sql_select_limit = 1",
    "SET max_statement_time = 20",
  ])("%s changes nothing", async setting => {
    const isKnown = isMariaDb || !setting.includes("max_statement_time");
    await exercise(isKnown ? [setting] : []);
  });

  it("a sql_select_limit hides no key from a listing", async () => {
    const store = scene.store({}, scene.another(["SET sql_select_limit = 2"]));
    const prefix = newKey();
    const keys = ["a", "b", "c", "d", "e"].map(each => prefix + each);
    for (const key of keys) await store.claim(key, { token: key, ...LONG });
    const listed = [];
    for await (const { key } of store.list!({ prefix, status: "in-progress" })) listed.push(key);
    expect(listed.sort()).toEqual(keys);
  });

  it("autocommit off is refused, since nothing would be committed", async () => {
    const store = scene.store({}, scene.another(["SET autocommit = 0"]));
    const { execute } = createIdempotency({ store });
    const fn = vi.fn();
    await expect(execute(newKey(), "1m", fn)).rejects.toMatchObject({
      code: "STORE_ERROR",
      message: expect.stringContaining("autocommit is on"),
    });
    expect(fn).not.toHaveBeenCalled();
  });

  it("a first statement that is never answered holds up no others", async () => {
    const pool = scene.another();
    const query = pool.query.bind(pool) as (each: unknown) => Promise<unknown>;
    let asked = 0;
    pool.query = ((each: unknown) =>
      asked++ === 0 ? new Promise(() => {}) : query(each)) as typeof pool.query;
    const { execute } = createIdempotency({ store: scene.store({}, pool), storeTimeout: "1s" });
    await expect(execute(newKey(), "1m", () => 1)).rejects.toMatchObject({ code: "STORE_ERROR" });
    expect(await execute(newKey(), "1m", () => "sent")).toMatchObject({ value: "sent", persisted: true });
  });

  it("a Connection with an open transaction is refused, and nothing runs", async () => {
    const connection = await scene.connection();
    await connection.beginTransaction();
    const { execute } = createIdempotency({ store: scene.store({}, connection) });
    const fn = vi.fn();
    await expect(execute(newKey(), "1m", fn)).rejects.toMatchObject({ code: "STORE_ERROR" });
    expect(fn).not.toHaveBeenCalled();
    await connection.rollback();
  });
});

describe("what has no room", () => {
  it.each(["", "STRICT_ALL_TABLES"])("is an error and not cut short, with sql_mode '%s'", async mode => {
    const store = scene.store({}, scene.another([`SET sql_mode = '${mode}'`]));
    const key = newKey();
    const longs = [
      () => store.claim("k".repeat(1_537), { token: "a", ...LONG }),
      () => store.claim("é".repeat(769), { token: "a", ...LONG }),
      () => store.claim(key, { token: "a".repeat(513), ...LONG }),
      () => store.claim(key, { token: "a", fingerprint: "f".repeat(513), ...LONG }),
    ];
    for (const claim of longs) {
      await expect(Promise.resolve().then(claim)).rejects.toMatchObject({
        code: "STORE_ERROR",
        message: expect.stringContaining("so nothing was done"),
      });
    }
    expect(await store.read(key)).toBeUndefined();
    const longest = "k".repeat(1_536);
    expect(await store.claim(longest, { token: "a".repeat(512), ...LONG })).toMatchObject({
      status: "claimed",
    });
    expect(await store.forget(longest)).toBe(true);
  });

  it("of many is an error of its own item", async () => {
    const keys = [newKey(), "k".repeat(1_537), newKey()];
    const answers = await scene.store().claimMany!(
      keys.map(key => ({ key, request: { token: "a", ...LONG } })),
    );
    expect(answers).toMatchObject([{ attempt: 1 }, { code: "STORE_ERROR" }, { attempt: 1 }]);
  });
});

describe("migrate", () => {
  it("makes the table once, whoever calls it at once", async () => {
    const table = newTable();
    const stores = Array.from({ length: 8 }, () => scene.store({ table }));
    await Promise.all(stores.map(store => store.migrate()));
    await stores[0]!.migrate();
    expect(await stores[0]!.claim("k", { token: "a", ...LONG })).toMatchObject({ status: "claimed" });
  });

  it("runs what mysqlSchema says", async () => {
    const table = newTable();
    await scene.ask(mysqlSchema(table));
    await scene.store({ table }).claim("k", { token: "a", ...LONG });
    const [row] = await scene.ask(`SHOW CREATE TABLE ${table}`);
    expect(JSON.stringify(row)).toMatch(/varbinary\(1536\).*ENGINE=InnoDB/);
    caught(() => mysqlSchema("a b"), "INVALID_OPTION");
  });
});

describe("what is missing", () => {
  it("is a table: the error says how to make it", async () => {
    const store = scene.store({ table: newTable() });
    await expect(Promise.resolve(store.read("k"))).rejects.toMatchObject({
      code: "STORE_ERROR",
      message: expect.stringMatching(/expected `.*`, which the server does not have: call migrate\(\)/),
      cause: { errno: 1146 },
    });
    const items = [{ key: "k", request: { token: "a", ...LONG } }];
    expect(await store.claimMany!(items)).toMatchObject([{ code: "STORE_ERROR", cause: { errno: 1146 } }]);
  });

  it("is a database: the error says where to name one", async () => {
    const url = new URL(scene.url);
    url.pathname = "";
    const pool = mysql.createPool(url.href);
    await expect(mysqlStore(pool).migrate()).rejects.toMatchObject({
      message: expect.stringContaining("expected a database"),
    });
    await pool.end();
  });

  it("is a newer server: the error says which is needed", async () => {
    const old = (version: string) => ({ query: async () => [[[version]], []], execute() {} });
    for (const version of ["5.7.44-log", "10.5.29-MariaDB", "5.5.5-10.5.29-MariaDB", ""]) {
      const store = mysqlStore(old(version));
      await expect(Promise.resolve(store.read("k"))).rejects.toMatchObject({
        message: `pool: expected MySQL 8.0 or MariaDB 10.6, or a later version; got ${version}: update the server`,
      });
      await expect(store.migrate()).rejects.toMatchObject({ code: "STORE_ERROR" });
    }
    for (const version of [
      "8.0.36",
      "9.1.0",
      "10.6.1-MariaDB",
      "11.4.2-MariaDB-ubu",
      "5.5.5-10.6.19-MariaDB",
    ]) {
      const query = vi
        .fn()
        .mockResolvedValueOnce([[[version]], []])
        .mockResolvedValueOnce([[], []]);
      expect(await mysqlStore({ query, execute() {} } as never).read("k")).toBeUndefined();
    }
  });
});

describe("a client", () => {
  it.each([
    ["of the package mysql", { query() {}, escape() {}, escapeId() {} }, "create it with mysql2"],
    ["of the package mariadb", { query() {}, execute() {}, batch() {} }, "create a pool of mysql2"],
    ["of pg", { query() {}, connect() {} }, "postgresStore takes"],
    ["Knex", Object.assign(() => {}, { raw() {}, schema: {} }), "pass a client of the database"],
    ["Sequelize", { query() {}, getQueryInterface() {} }, "pass a pool of mysql2"],
    ["a PoolCluster", callbacks.createPoolCluster(), "pass the pool of the primary"],
    ["a promise", mysql.createConnection({ port: 1 }).catch(() => {}), "await it first"],
    ["nothing", undefined, "expected a Pool or Connection of mysql2"],
    ["an adapter", { query() {} }, "without execute"],
  ])("that is %s is refused at once", (_, client, says) => {
    expect(caught(() => mysqlStore(client as never), "INVALID_OPTION").message).toContain(says);
  });

  it("of an old table, a wrong option or name is refused", () => {
    caught(() => scene.store({ table: "a`b" }), "INVALID_OPTION");
    caught(() => scene.store({ prepare: true } as never), "INVALID_OPTION");
    caught(() => scene.store({ purgeEvery: "0s" }), "DURATION_OUT_OF_RANGE");
  });

  it("that answers with something else is not taken at its word", async () => {
    for (const answer of [undefined, [], [{}], { rows: [] }]) {
      const query = async (each: MysqlQuery) => (each.sql.includes("VERSION") ? [[["8.4.0"]], []] : answer);
      await expect(
        Promise.resolve(mysqlStore({ query, execute() {} } as never).read("k")),
      ).rejects.toMatchObject({
        message: expect.stringContaining("expected query to answer as mysql2's does"),
      });
    }
    const rows = async (each: MysqlQuery) => [
      [each.sql.includes("VERSION") ? ["8.4.0"] : { a: 1, b: 2 }],
      [],
    ];
    await expect(
      Promise.resolve(mysqlStore({ query: rows, execute() {} } as never).read("k")),
    ).rejects.toMatchObject({ code: "STORE_ERROR" });
  });

  it("that has ended is a store that fails, and purges no more", async () => {
    const pool = scene.another();
    const onWarning = vi.fn();
    const store = scene.store({ purgeEvery: "1s", onWarning }, pool);
    await store.claim(newKey(), { token: "a", ...LONG });
    await pool.end();
    await expect(Promise.resolve(store.read("k"))).rejects.toThrow("closed");
    await new Promise(resolve => setTimeout(resolve, 1_300));
    expect(onWarning).not.toHaveBeenCalled();
  });
});

describe("a record", () => {
  it.each(["version = 3", "attempt = 0"])("with %s cannot be read, and nothing runs", async change => {
    const [store, key] = [scene.store(), newKey()];
    await store.claim(key, { token: "a", ...LONG });
    await scene.ask(`UPDATE ${scene.table} SET ${change} WHERE \`key\` = '${key}'`);
    const acts: (() => unknown)[] = [
      () => store.claim(key, { token: "b", ...LONG, rerun: true }),
      () => store.read(key),
      () => store.release(key, "b"),
    ];
    for (const act of acts) {
      await expect(Promise.resolve().then(act)).rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
    }
    const items = [key, newKey()].map(each => ({ key: each, request: { token: "b", ...LONG } }));
    expect(await store.claimMany!(items)).toMatchObject([
      { code: "RESULT_UNAVAILABLE" },
      { status: "claimed" },
    ]);
    expect(await store.forget(key)).toBe(true);
  });

  it("is removed when it is past its time, and no other, by batches", async () => {
    const table = newTable();
    const store = scene.store({ table });
    await store.migrate();
    const keys = Array.from({ length: 1_200 }, (_, n) => `${n}`);
    for (const at of [0, 1_000]) {
      await store.claimMany!(
        keys.slice(at, at + 1_000).map(key => ({ key, request: { token: "a", ...LONG } })),
      );
    }
    await scene.ask(`UPDATE ${table} SET expires_at = 1, purge_at = 1 WHERE CAST(\`key\` AS CHAR) < 9`);
    const [{ count }] = (await scene.ask(
      `SELECT CAST(count(*) AS SIGNED) AS count FROM ${table} WHERE purge_at = 1`,
    )) as [{ count: number }];
    expect(await store.purge()).toBe(count);
    await scene.ask(`UPDATE ${table} SET purge_at = 1`);
    expect(await store.purge()).toBe(0);
    await scene.ask(`UPDATE ${table} SET expires_at = 1`);
    expect(await store.purge()).toBe(1_200 - count);
    expect(await scene.ask(`SELECT 1 FROM ${table}`)).toEqual([]);
  });

  it("that somebody has locked holds up no purge", async () => {
    const table = newTable();
    const store = scene.store({ table });
    await store.migrate();
    for (const key of ["a", "b", "c"]) await store.claim(key, { token: "a", ...LONG });
    await scene.ask(`UPDATE ${table} SET expires_at = 1, purge_at = 1`);
    const connection = await scene.connection();
    await connection.beginTransaction();
    await connection.query(`SELECT 1 FROM ${table} WHERE \`key\` = 'b' FOR UPDATE`);
    expect(await store.purge()).toBe(2);
    await connection.rollback();
    expect(await store.purge()).toBe(1);
  });
});
