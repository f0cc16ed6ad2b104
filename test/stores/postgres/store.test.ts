import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type pg from "pg";
import { describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import { postgresSchema, postgresStore } from "../../../src/stores/postgres/store.ts";
import { caught } from "../../support/caught.ts";
import { LONG, postgresScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = postgresScene(() => inject("postgresUrl"));
const FIRST = { status: "claimed", attempt: 1, takeover: false, fingerprint: undefined };
const newKey = () => `key-${randomUUID()}`;
const newTable = () => scene.table.replace(/keys$/, `t_${randomUUID().replaceAll("-", "")}`);
const { schemaOf, nameOf } = {
  schemaOf: (table: string) => table.split(".")[0]!,
  nameOf: (table: string) => table.split(".")[1]!,
};

/** A pool that counts the statements that are sent to the server. */
function counting(pool: pg.Pool) {
  const sent: string[] = [];
  const query = async (each: { text: string; values: unknown[]; name?: string }) => {
    sent.push(each.text);
    return pool.query(each);
  };
  return { query, sent };
}

describe("the options", () => {
  it.each([
    { table: "a b" },
    { prepare: 1 },
    { listener: {} },
    { listener: { query() {}, on() {}, totalCount: 1 } },
    { onWarning: "log" },
    { tabel: "keys" },
  ])("%o are refused", options => {
    caught(() => postgresStore(scene.pool, options as never), "INVALID_OPTION");
  });

  it("need a time between purges that is one", () => {
    caught(() => postgresStore(scene.pool, { purgeEvery: "25h" }), "DURATION_OUT_OF_RANGE");
  });

  it("need something to ask", () => {
    caught(() => postgresStore({} as never), "INVALID_OPTION");
    caught(() => postgresSchema("a;b"), "INVALID_OPTION");
  });
});

describe("what an operator can mend is said, with how", () => {
  const message = (text: string) => ({ code: "STORE_ERROR", message: expect.stringContaining(text) });
  const claim = (store: ReturnType<typeof postgresStore>) => store.claim(newKey(), { token: "a", ...LONG });

  it("a table that is not there, or lacks a column", async () => {
    const table = newTable();
    const store = postgresStore(scene.pool, { table });
    await expect(claim(store)).rejects.toMatchObject(
      message("call migrate(), or run postgresSchema()'s SQL"),
    );
    expect(await store.claimMany!([{ key: "k", request: { token: "a", ...LONG } }])).toMatchObject([
      message("call migrate()"),
    ]);
    await expect(store.read("k")).rejects.toMatchObject(message("call migrate()"));
    await store.migrate();
    await scene.probe.query(`ALTER TABLE ${table} DROP COLUMN fingerprint`);
    await expect(claim(store)).rejects.toMatchObject(message("a column is missing: name another table"));
  });

  it("a right that is missing, or a server that does not write", async () => {
    const role = `role_${randomUUID().replaceAll("-", "")}`;
    await scene.probe.query(`CREATE ROLE ${role}; GRANT USAGE ON SCHEMA ${schemaOf(scene.table)} TO ${role}`);
    const store = scene.store({}, scene.another({ role }));
    await expect(claim(store)).rejects.toMatchObject(message("GRANT SELECT, INSERT, UPDATE, DELETE ON"));
    await scene.probe.query(`REVOKE USAGE ON SCHEMA ${schemaOf(scene.table)} FROM ${role}`);
    await expect(claim(store)).rejects.toMatchObject(message("and USAGE on its schema"));
    const replica = scene.store({}, scene.another({ default_transaction_read_only: "on" }));
    await expect(claim(replica)).rejects.toMatchObject(message("connect to the primary"));
    await scene.probe.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
});

describe("the statements", () => {
  it("are two for a first execution and one for a replay", async () => {
    const client = counting(scene.pool);
    const { withIdempotency } = createIdempotency({ store: postgresStore(client, { table: scene.table }) });
    const key = newKey();
    await withIdempotency(key, "1m", () => "sent");
    expect(client.sent.length).toBe(2);
    expect(await withIdempotency(key, "1m", () => "again")).toBe("sent");
    expect(client.sent.length).toBe(3);
  });

  it("of a replay write nothing", async () => {
    const store = scene.store();
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    await store.complete(key, "a", "sent", LONG.ttlMs);
    const written = () =>
      scene.probe.query(`SELECT ctid, xmin, xmax FROM ${scene.table} WHERE key = $1`, [key]);
    const { ctid, xmin, xmax } = (await written()).rows[0];
    await store.claim(key, { token: "b", ...LONG, rerun: true });
    expect((await written()).rows[0]).toMatchObject({ ctid, xmin, xmax });
    // A transaction that has written has an id.
    const client = await scene.pool.connect();
    onTestFinished(() => client.release());
    await client.query("BEGIN");
    expect(await store.inTransaction(client).claim(key, { token: "c", ...LONG })).toMatchObject({
      outcome: "sent",
    });
    const { rows } = await client.query("SELECT pg_current_xact_id_if_assigned() AS id");
    expect(rows).toEqual([{ id: null }]);
    await client.query("ROLLBACK");
  });

  it("of a claim take nothing beside the record that they see, though another removes it", async () => {
    const store = scene.store();
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    await store.complete(key, "a", "sent", LONG.ttlMs);
    const client = await scene.pool.connect();
    onTestFinished(() => client.release());
    await client.query("BEGIN");
    await client.query(`DELETE FROM ${scene.table} WHERE key = $1`, [key]);
    // Before the removal is committed, and without waiting for that.
    expect(await store.claim(key, { token: "b", ...LONG })).toMatchObject({ status: "completed" });
    await client.query("COMMIT");
    expect(await store.read(key)).toBeUndefined();
  });

  it("of a first execution and a renewal leave the indexes alone", async () => {
    const table = newTable();
    const pool = scene.another({}, { max: 1 });
    const store = postgresStore(pool, { table });
    await store.migrate();
    for (let n = 0; n < 5; n++) {
      const token = `token ${n}`;
      await store.claim(`key ${n}`, { token, ...LONG });
      await store.renew(`key ${n}`, token, LONG.leaseMs);
      await store.complete(`key ${n}`, token, "sent", LONG.ttlMs);
    }
    const counts = "SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables";
    await vi.waitFor(
      async () => {
        // A connection tells what it has done about once in a second.
        const { rows } = await pool.query(`${counts} WHERE relid = $1::regclass`, [table]);
        expect(rows).toEqual([{ all: 10, hot: 10 }]);
      },
      { timeout: 15_000, interval: 200 },
    );
  });

  it("are prepared by name, unless that is off", async () => {
    const prepared = async (prepare: boolean) => {
      const pool = scene.another({}, { max: 1 });
      const store = scene.store({ prepare }, pool);
      await store.claim(newKey(), { token: "a", ...LONG });
      return (await pool.query("SELECT name FROM pg_prepared_statements")).rows.length;
    };
    expect([await prepared(true), await prepared(false)]).toEqual([1, 0]);
  });

  it("of stores with other tables get along on one connection", async () => {
    const pool = scene.another({}, { max: 1 });
    const other = postgresStore(pool, { table: newTable() });
    await other.migrate();
    const key = newKey();
    await scene.store({}, pool).claim(key, { token: "a", ...LONG });
    expect(await other.claim(key, { token: "b", ...LONG })).toMatchObject({ status: "claimed" });
  });
});

describe("a claim", () => {
  it("finds its way where a record comes in between that it neither saw nor may replace", async () => {
    const key = newKey();
    const rival = await scene.client();
    await rival.query("BEGIN");
    const own = scene.store().inTransaction(rival);
    await own.claim(key, { token: "a", ...LONG });
    const client = counting(scene.pool);
    const late = postgresStore(client, { table: scene.table }).claim(key, { token: "b", ...LONG });
    await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 5_000 });
    await own.complete(key, "a", "sent", LONG.ttlMs);
    await rival.query("COMMIT");
    expect(await late).toMatchObject({ status: "completed", outcome: "sent" });
    expect(client.sent.length).toBe(2);
  });

  it("takes the key of a rival that is rolled back", async () => {
    const key = newKey();
    const rival = await scene.client();
    await rival.query("BEGIN");
    await scene
      .store()
      .inTransaction(rival)
      .claim(key, { token: "a", ...LONG });
    const late = scene.store().claim(key, { token: "b", ...LONG });
    await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 5_000 });
    await rival.query("ROLLBACK");
    expect(await late).toEqual({ ...FIRST, runId: "b" });
  });

  async function waiting(): Promise<number> {
    const { rows } = await scene.probe.query(
      "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'",
      [schemaOf(scene.table)],
    );
    return rows.length;
  }

  it("does not swallow an error", async () => {
    const missing = postgresStore(scene.pool, { table: newTable() });
    await expect(missing.claim(newKey(), { token: "a", ...LONG })).rejects.toMatchObject({
      code: "STORE_ERROR",
      cause: { code: "42P01" },
    });
    const picky = newTable();
    const store = postgresStore(scene.pool, { table: picky });
    await store.migrate();
    await scene.probe.query(`CREATE UNIQUE INDEX ON ${picky} (attempt)`);
    await store.claim(newKey(), { token: "a", ...LONG });
    await expect(store.claim(newKey(), { token: "b", ...LONG })).rejects.toMatchObject({ code: "23505" });
  });

  it("reclaims an expired record in its place", async () => {
    const store = scene.store();
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG, fingerprint: "old" });
    await store.complete(key, "a", "old", LONG.ttlMs);
    await scene.probe.query(`UPDATE ${scene.table} SET expires_at = 1, version = 9 WHERE key = $1`, [key]);
    expect(await store.read(key)).toBeUndefined();
    expect(await store.claim(key, { token: "b", ...LONG })).toEqual({ ...FIRST, runId: "b" });
    const record = await store.read(key);
    expect(record).toMatchObject({ status: "in-progress", fingerprint: undefined, outcome: undefined });
  });
});

describe("a server whose clock steps by an hour", () => {
  const HOUR_MS = 3_600_000;

  /** Moves the times of a record the other way, which is the same to whoever asks. */
  async function step(key: string, ms: number): Promise<void> {
    const times = ["lease_until", "expires_at", "purge_at"].map(column => `${column} = ${column} - ${ms}`);
    await scene.probe.query(`UPDATE ${scene.table} SET ${times} WHERE key = $1`, [key]);
  }

  it("forward leaves a claim uncertain, which its holder still renews and completes", async () => {
    const store = scene.store();
    const key = newKey();
    await store.claim(key, { token: "a", ttlMs: 2 * HOUR_MS, leaseMs: 30_000 });
    await step(key, HOUR_MS);
    expect(await store.claim(key, { token: "b", ...LONG })).toMatchObject({ status: "uncertain" });
    expect(await store.renew(key, "a", 30_000)).toBe(true);
    expect(await store.claim(key, { token: "b", ...LONG })).toMatchObject({ status: "in-progress" });
    await step(key, HOUR_MS);
    expect(await store.complete(key, "a", "sent", LONG.ttlMs)).toBe(true);
    expect(await store.claim(key, { token: "b", ...LONG })).toMatchObject({ status: "completed" });
  });

  it("forward ends windows by so much", async () => {
    const store = scene.store();
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    await store.complete(key, "a", "sent", LONG.ttlMs);
    await step(key, HOUR_MS);
    expect(await store.claim(key, { token: "b", ...LONG })).toMatchObject({ status: "claimed", runId: "b" });
    await step(key, HOUR_MS);
    expect(await store.complete(key, "b", "late", LONG.ttlMs)).toBe(false);
  });

  it("back prolongs windows, and leases until they are renewed, and a completion takes the new time", async () => {
    const store = scene.store();
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    await step(key, -HOUR_MS);
    const { leaseInMs = 0, expiresInMs = 0 } = (await store.read(key)) ?? {};
    expect([leaseInMs > HOUR_MS, expiresInMs > HOUR_MS]).toEqual([true, true]);
    expect(await store.renew(key, "a", LONG.leaseMs)).toBe(true);
    expect((await store.read(key))?.leaseInMs).toBeLessThanOrEqual(LONG.leaseMs);
    await step(key, -HOUR_MS);
    expect(await store.complete(key, "a", "sent", LONG.ttlMs)).toBe(true);
    expect((await store.read(key))?.expiresInMs).toBeLessThanOrEqual(LONG.ttlMs);
    const { rows } = await scene.probe.query(
      `SELECT purge_at <= expires_at AS is_found FROM ${scene.table} WHERE key = $1`,
      [key],
    );
    expect(rows).toEqual([{ is_found: true }]);
  });
});

describe("a record of another version", () => {
  it("is a typed error in every operation, and never run, until it is forgotten", async () => {
    const store = scene.store();
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    await store.renew(key, "a", 0);
    await scene.probe.query(`UPDATE ${scene.table} SET version = 1 WHERE key = $1`, [key]);
    const unreadable = { code: "RESULT_UNAVAILABLE" };
    const operations = [
      () => store.claim(key, { token: "b", ...LONG, rerun: true }),
      () => store.claim(key, { token: "a", ...LONG }),
      () => store.renew(key, "a", 5),
      () => store.complete(key, "a", "x", 5),
      () => store.release(key, "a"),
      () => store.settle(key, "x", 5),
      () => store.reopen(key),
      () => store.read(key),
    ];
    for (const operate of operations) await expect(operate()).rejects.toMatchObject(unreadable);
    const { withIdempotency } = createIdempotency({ store, onStoreError: "run", onUncertain: "rerun" });
    const fn = vi.fn();
    await expect(withIdempotency(key, "1m", fn)).rejects.toMatchObject(unreadable);
    expect(fn).not.toHaveBeenCalled();
    expect(await store.forget(key)).toBe(true);
  });
});

describe("keys and outcomes", () => {
  it("of any text and size stay apart and come back", async () => {
    const store = scene.store();
    const keys = [
      "\0",
      "\ud800",
      "\udfff",
      "\ufffd",
      "%",
      "_",
      "'",
      '"',
      "👍",
      "字".repeat(300),
      "\0".repeat(300),
    ];
    const large = "0123456789abcdef字👍\0".repeat(2 ** 17);
    for (const key of keys) {
      await store.forget(key);
      expect(await store.claim(key, { token: key, ...LONG })).toMatchObject({
        status: "claimed",
        runId: key,
      });
      expect(await store.complete(key, key, key + large, LONG.ttlMs)).toBe(true);
    }
    for (const key of keys) {
      const answer = await store.claim(key, { token: "b", ...LONG });
      expect(answer.status === "completed" && answer.outcome === key + large).toBe(true);
      await store.forget(key);
    }
  }, 90_000);

  it("live in texts alone, so that nothing in them is a property of anything", async () => {
    const store = scene.store();
    await store.claim("__proto__", { token: "constructor", ...LONG, fingerprint: "__proto__" });
    await store.complete("__proto__", "constructor", '{"__proto__":{"polluted":true}}', LONG.ttlMs);
    const { withIdempotency } = createIdempotency({ store });
    const result = await withIdempotency("__proto__", "1m", () => 1);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(({} as { polluted?: true }).polluted).toBeUndefined();
    await store.forget("__proto__");
  });
});

describe("migrate", () => {
  it("is safe at once from many connections, and again", async () => {
    const table = newTable();
    const pools = Array.from({ length: 12 }, () => scene.another({}, { max: 1 }));
    await Promise.all(pools.map(pool => pool.query("SELECT 1")));
    await Promise.all(pools.map(pool => postgresStore(pool, { table }).migrate()));
    const store = postgresStore(scene.pool, { table });
    await store.migrate();
    expect(await store.claim("k", { token: "a", ...LONG })).toMatchObject({ status: "claimed" });
    const { rows } = await scene.probe.query("SELECT indexname FROM pg_indexes WHERE tablename = $1", [
      nameOf(table),
    ]);
    expect(rows.length).toBe(2);
  });

  it("needs no right to create where there is nothing to make", async () => {
    const role = `role_${randomUUID().replaceAll("-", "")}`;
    await scene.probe.query(`CREATE ROLE ${role}; GRANT USAGE ON SCHEMA ${schemaOf(scene.table)} TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ${scene.table} TO ${role}`);
    const store = scene.store({}, scene.another({ role }));
    await store.migrate();
    expect(await store.claim(newKey(), { token: "a", ...LONG })).toMatchObject({ status: "claimed" });
    expect(await store.purge()).toBeTypeOf("number");
    await expect(
      postgresStore(scene.another({ role }), { table: newTable() }).migrate(),
    ).rejects.toMatchObject({
      code: "STORE_ERROR",
      message: expect.stringContaining("as the owner of the table, or of its schema"),
      cause: { code: "42501" },
    });
    await scene.probe.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it("makes the index where it is missing, once", async () => {
    const table = newTable();
    const store = postgresStore(scene.pool, { table });
    await store.migrate();
    const dropped = `${schemaOf(table)}.${nameOf(table)}_purge_at`;
    const there = async () =>
      (await scene.probe.query("SELECT to_regclass($1) AS index", [dropped])).rows[0]?.index;
    expect(await there()).not.toBeNull();
    await scene.probe.query(`DROP INDEX ${dropped}`);
    await store.migrate();
    expect(await there()).not.toBeNull();
    await scene.probe.query(`ALTER INDEX ${dropped} RENAME TO another_${nameOf(table)}`);
    await store.migrate();
    expect(await there()).toBeNull();
  });

  it("does what the schema says", async () => {
    const table = newTable();
    await scene.probe.query(postgresSchema(table));
    await scene.probe.query(postgresSchema(table));
    const store = postgresStore(scene.pool, { table });
    expect(await store.claim("k", { token: "a", ...LONG })).toMatchObject({ status: "claimed" });
  });
});

/** Puts records past their time into a table of their own. */
async function leftovers(count: number) {
  const table = newTable();
  await scene.probe.query(postgresSchema(table));
  await scene.probe.query(`INSERT INTO ${table} SELECT 'key-' || n, 2, 1, 1, 1, 1, n, n, false, null, 'run', null, 'x'
    FROM generate_series(1, ${count}) AS n`);
  return table;
}

describe("purge", () => {
  it("removes all there is, in batches, and shares the work", async () => {
    const table = await leftovers(2_500);
    const stores = [scene.pool, scene.another()].map(pool => postgresStore(pool, { table }));
    await stores[0]!.claim("live", { token: "a", ...LONG });
    const removed = await Promise.all(stores.map(store => store.purge()));
    expect(removed[0]! + removed[1]!).toBe(2_500);
    expect((await scene.probe.query(`SELECT key FROM ${table}`)).rows).toEqual([{ key: "live" }]);
  });

  it("does not wait for a record that somebody holds", async () => {
    const table = await leftovers(2);
    const holder = await scene.client();
    await holder.query("BEGIN");
    await holder.query(`SELECT 1 FROM ${table} WHERE key = 'key-1' FOR UPDATE`);
    expect(await postgresStore(scene.pool, { table }).purge()).toBe(1);
    await holder.query("ROLLBACK");
  });

  it("warns once of a failure, and goes on when that is over", async () => {
    const table = await leftovers(1);
    const onWarning = vi.fn();
    const store = postgresStore(scene.pool, { table, purgeEvery: "1s", onWarning });
    await store.claim("live", { token: "a", ...LONG });
    await scene.probe.query(`ALTER TABLE ${table} RENAME TO away`);
    await sleep(2_500);
    expect(onWarning.mock.calls).toEqual([
      [{ code: "PURGE_FAILED", message: expect.stringContaining("does not exist") }],
    ]);
    await scene.probe.query(`ALTER TABLE ${schemaOf(table)}.away RENAME TO ${nameOf(table)}`);
    await vi.waitFor(
      async () =>
        expect((await scene.probe.query(`SELECT key FROM ${table}`)).rows).toEqual([{ key: "live" }]),
      { timeout: 5_000 },
    );
    expect(await store.read("live")).toBeDefined();
  });

  it("does not fail where its pool is being ended", async () => {
    const table = await leftovers(1);
    const onWarning = vi.fn();
    const pool = scene.another();
    const store = postgresStore(pool, { table, purgeEvery: "1s", onWarning });
    await store.claim("live", { token: "a", ...LONG });
    // It waits for who has a connection, while purges come due.
    const busy = await pool.connect();
    const ended = pool.end();
    await busy.query("SELECT pg_sleep(2)");
    busy.release();
    await ended;
    expect(onWarning).not.toHaveBeenCalled();
    await expect(store.read("live")).rejects.toThrow("after calling end");
  });

  it("keeps no store alive that nobody has", async () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    const forgotten = await (async () => {
      const store = scene.store();
      await store.claim(newKey(), { token: "a", ...LONG });
      return new WeakRef(store);
    })();
    await sleep(0);
    gc();
    expect(forgotten.deref()).toBeUndefined();
  });
});

describe("a listener", () => {
  it("wakes a waiter, and listens only while there is one", async () => {
    const listener = await scene.client();
    const query = vi.spyOn(listener, "query");
    const said = () => query.mock.calls.map(([text]) => String(text).split(" ")[0]);
    const store = scene.store({ listener });
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    expect(said()).toEqual([]);
    const never = new AbortController();
    const told = store.settled!(key, never.signal);
    const other = store.settled!("other", AbortSignal.timeout(400));
    await sleep(100);
    await scene.store({ listener: await scene.client() }).complete(key, "a", "sent", LONG.ttlMs);
    await told;
    await other;
    await vi.waitFor(() => expect(said()).toEqual(["LISTEN", "UNLISTEN"]), { timeout: 5_000 });
  });

  it("that breaks costs the hint alone", async () => {
    const listener = await scene.client();
    listener.removeAllListeners("error");
    const store = scene.store({ listener });
    const { rows } = await listener.query("SELECT pg_backend_pid() AS pid");
    await scene.probe.query("SELECT pg_terminate_backend($1)", [rows[0].pid]);
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    const { withIdempotency } = createIdempotency({ store });
    const waiter = withIdempotency(key, "1m", () => "again");
    await sleep(200);
    await store.complete(key, "a", '"sent"', LONG.ttlMs);
    expect(await waiter).toBe("sent");
  });

  it("is the same for all stores that share it", async () => {
    const listener = await scene.client();
    for (let n = 0; n < 20; n++) scene.store({ listener });
    expect(listener.listenerCount("notification")).toBeLessThanOrEqual(2);
  });
});
