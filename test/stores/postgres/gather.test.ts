import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import type { PostgresClient, PostgresQuery } from "../../../src/stores/postgres/client.ts";
import { postgresStore } from "../../../src/stores/postgres/store.ts";
import { CLIENTS } from "./clients.ts";
import { LONG, postgresScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = postgresScene(() => inject("postgresUrl"));
const newTable = () => scene.table.replace(/keys$/, `t_${randomUUID().replaceAll("-", "")}`);
const newKeys = (count: number) => {
  const prefix = randomUUID();
  return Array.from({ length: count }, (_, n) => `${prefix}:${String(n).padStart(4, "0")}`);
};
const context = new AsyncLocalStorage<string>();

interface Sent extends PostgresQuery {
  isJoined: boolean;
  context: string | undefined;
  error?: { code?: string };
  /** The characters of its answer. */
  answered?: number;
}

/** A client that keeps what is sent by it. */
function spying(client: PostgresClient, onError?: (sent: Sent) => Promise<void>) {
  const sent: Sent[] = [];
  const query = async (each: PostgresQuery) => {
    const one: Sent = { ...each, isJoined: each.text.includes("unnest("), context: context.getStore() };
    sent.push(one);
    try {
      const answer = await client.query(each);
      // Several statements in one have several answers.
      const { rows = [] } = answer;
      one.answered = rows.reduce((sum: number, row) => sum + String(Object.values(row as object)).length, 0);
      return answer;
    } catch (error) {
      one.error = error as { code?: string };
      await onError?.(one);
      throw error;
    }
  };
  return { query, sent, joined: () => sent.filter(({ isJoined }) => isJoined) };
}

const keysOf = ({ values: [keys] }: Sent): string[] => JSON.parse(`[${String(keys).slice(1, -1)}]`);
const claimAll = (store: ReturnType<typeof postgresStore>, keys: readonly string[], token = "a") =>
  keys.map(async key => store.claim(key, { token, ...LONG }));
const claimed = (runId: string) => ({ status: "claimed", attempt: 1, runId, takeover: false });

/** A table of its own, and a store on it by a client that is watched. */
async function watched(table = newTable(), client: PostgresClient = scene.pool) {
  const spy = spying(client);
  const store = postgresStore(spy, { table });
  await store.migrate();
  spy.sent.length = 0;
  return { spy, store, table };
}

/** Calls the function before each record is made, or changed with `event`. */
async function trigger(table: string, body: string, event = "INSERT"): Promise<void> {
  const name = `${table}_${event.toLowerCase()}`;
  await scene.probe.query(`CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN ${body} RETURN NEW; END $$;
    CREATE TRIGGER each BEFORE ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION ${name}()`);
}

describe("claims and completions at once", () => {
  it.each(Object.entries(CLIENTS))(
    "go as a few statements by %s, with the answers of single ones",
    async (_, connect) => {
      const { client, end } = await connect(scene.url);
      onTestFinished(() => void end());
      const { spy, store } = await watched(newTable(), client);
      const { execute } = createIdempotency({ store });
      const keys = newKeys(64);
      const first = await Promise.all(keys.map(key => execute(key, "1m", async () => `sent ${key}`)));
      expect(first.map(({ value }) => value)).toEqual(keys.map(key => `sent ${key}`));
      expect(first.every(({ persisted, replayed }) => persisted && !replayed)).toBe(true);
      const again = await Promise.all(keys.map(key => execute(key, "1m", async () => "again")));
      expect(again.map(({ value }) => value)).toEqual(keys.map(key => `sent ${key}`));
      expect(spy.sent.filter(({ error }) => error !== undefined)).toEqual([]);
      expect(spy.sent.length).toBeLessThan(40);
      expect(spy.joined().length).toBeGreaterThanOrEqual(3);
    },
  );

  it("are single statements while they come one at a time", async () => {
    const { spy, store } = await watched();
    for (const key of newKeys(3)) {
      await store.claim(key, { token: "a", ...LONG });
      await store.complete(key, "a", "sent", LONG.ttlMs);
    }
    expect(spy.sent.map(({ isJoined }) => isJoined)).toEqual(Array(6).fill(false));
  });

  it("have one text each, however many keys they are for", async () => {
    const { spy, store } = await watched();
    for (const count of [2, 7, 300]) {
      const keys = newKeys(count);
      await Promise.all(claimAll(store, keys));
      await Promise.all(keys.map(key => store.complete(key, "a", "sent", LONG.ttlMs)));
    }
    expect(new Set(spy.joined().map(({ text }) => text)).size).toBe(2);
    expect(new Set(spy.joined().map(({ name }) => name)).size).toBe(2);
    expect(Math.max(...spy.joined().map(each => keysOf(each).length))).toBeLessThanOrEqual(256);
  });

  it("of one key never stand twice in a statement, and one of them wins", async () => {
    const { spy, store } = await watched();
    const keys = newKeys(10);
    const answers = await Promise.all([...claimAll(store, keys, "a"), ...claimAll(store, keys, "b")]);
    for (const n of keys.keys()) {
      const pair = [answers[n]!.status, answers[n + keys.length]!.status];
      expect(pair.sort()).toEqual(["claimed", "in-progress"]);
    }
    expect(spy.joined().length).toBeGreaterThan(1);
    for (const each of spy.joined()) expect(new Set(keysOf(each)).size).toBe(keysOf(each).length);
  });

  it("keep what no array's text may hold as it is", async () => {
    const { spy, store } = await watched();
    const keys = ['"', "\\", "{}", ",", "NULL", "", "\0", "\ud800", "'", '\\"', "字👍", "%s $1"].map(
      odd => `k${odd}`,
    );
    const requests = keys.map(key => store.claim(key, { token: key, ...LONG, fingerprint: key }));
    expect(await Promise.all(requests)).toEqual(keys.map(key => ({ ...claimed(key), fingerprint: key })));
    await Promise.all(keys.map(key => store.complete(key, key, `${key}"\\`, LONG.ttlMs)));
    const answers = await Promise.all(claimAll(store, keys, "b"));
    expect(answers).toEqual(
      keys.map(key => ({
        status: "completed",
        attempt: 1,
        outcome: `${key}"\\`,
        fingerprint: key,
        expiresInMs: expect.any(Number),
      })),
    );
    expect([spy.joined().length, spy.sent.length]).toEqual([3, 3]);
  });

  it("carry a bounded amount of results, there and back", async () => {
    const { spy, store } = await watched();
    const keys = newKeys(6);
    const large = "x".repeat(400_000);
    await Promise.all(claimAll(store, keys));
    await Promise.all(keys.map(key => store.complete(key, "a", large, LONG.ttlMs)));
    const answers = await Promise.all(claimAll(store, keys, "b"));
    expect(answers.every(answer => answer.status === "completed" && answer.outcome === large)).toBe(true);
    const sizes = spy.joined().map(({ values }) => values.join("").length);
    expect(Math.max(...sizes)).toBeGreaterThan(800_000);
    expect(Math.max(...sizes)).toBeLessThan(1_100_000);
    // A large result is read alone.
    expect(Math.max(...spy.joined().map(({ answered = 0 }) => answered))).toBeLessThan(70_000);
  });

  it("look records up by the index, also in a table that was small when they were prepared", async () => {
    const { spy, store, table } = await watched();
    const keys = newKeys(4);
    await Promise.all(claimAll(store, keys));
    await Promise.all(keys.map(key => store.complete(key, "a", "sent", LONG.ttlMs)));
    const client = await scene.client();
    await client.query("SET plan_cache_mode = force_generic_plan");
    for (const [n, { text, values }] of spy.joined().entries()) {
      await client.query(`PREPARE joined_${n} AS ${text}`);
      const literals = values.map(value => client.escapeLiteral(String(value)));
      const { rows } = await client.query(`EXPLAIN EXECUTE joined_${n}(${literals})`);
      const plan = rows.map(row => row["QUERY PLAN"]).join("\n");
      expect(plan).toContain("_pkey");
      expect(plan).not.toContain(`Seq Scan on ${table.split(".")[1]}`);
    }
  });
});

describe("a key that another transaction holds", () => {
  it("holds up none that are claimed with it, and is waited for alone", async () => {
    const { table } = await watched();
    const present: number[] = [];
    const count = `SELECT count(*)::int AS count FROM ${table}`;
    const spy = spying(scene.pool, async () => {
      present.push((await scene.probe.query(count)).rows[0].count);
    });
    const store = postgresStore(spy, { table });
    const rival = await scene.client();
    const keys = newKeys(20);
    await rival.query("BEGIN");
    await store.inTransaction(rival).claim(keys[7]!, { token: "rival", ...LONG });
    const claims = claimAll(store, keys);
    const [held] = claims.splice(7, 1);
    let isOver = false;
    void held!.then(() => {
      isOver = true;
    });
    expect(await Promise.all(claims)).toEqual(claims.map(() => claimed("a")));
    expect(isOver).toBe(false);
    expect(spy.joined().map(({ error }) => error?.code)).toEqual(["55P03"]);
    // It did nothing at all.
    expect(present).toEqual([0]);

    // As long as that lasts, no statement waits for the key again.
    const more = newKeys(5);
    const late = claimAll(store, [...more, keys[7]!], "b");
    const twin = late.pop()!;
    expect(await Promise.all(late)).toEqual(more.map(() => claimed("b")));
    expect(spy.joined().at(-1)!.error).toBeUndefined();
    expect(keysOf(spy.joined().at(-1)!)).toEqual(more);
    await rival.query("ROLLBACK");
    const ends = [(await held!).status, (await twin).status];
    expect(ends.sort()).toEqual(["claimed", "in-progress"]);
  });

  it("holds up none that are completed with it, and fails no statement", async () => {
    const { spy, store, table } = await watched();
    const keys = newKeys(20);
    await Promise.all(claimAll(store, keys));
    const rival = await scene.client();
    await rival.query("BEGIN");
    await rival.query(`UPDATE ${table} SET attempt = attempt WHERE key = $1`, [keys[7]]);
    const completions = keys.map(key => store.complete(key, "a", "sent", LONG.ttlMs));
    const [held] = completions.splice(7, 1);
    expect(await Promise.all(completions)).toEqual(completions.map(() => true));
    expect(await store.read(keys[7]!)).toMatchObject({ status: "in-progress" });
    await rival.query("ROLLBACK");
    expect(await held).toBe(true);
    expect(spy.sent.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it("holds up no call, even where as many wait for it as there are lanes", async () => {
    const { store } = await watched();
    const rival = await scene.client();
    const stuck = newKeys(4);
    await rival.query("BEGIN");
    for (const key of stuck) await store.inTransaction(rival).claim(key, { token: "rival", ...LONG });
    const waiting = [];
    for (const key of stuck) {
      waiting.push(store.claim(key, { token: "a", ...LONG }));
      await sleep(20);
    }
    const begun = performance.now();
    expect(await Promise.all(claimAll(store, newKeys(20)))).toHaveLength(20);
    for (const key of newKeys(5)) await store.claim(key, { token: "a", ...LONG });
    expect(performance.now() - begun).toBeLessThan(3_000);
    await rival.query("ROLLBACK");
    expect(await Promise.all(waiting)).toEqual(stuck.map(() => claimed("a")));
  });

  it("ends the wait of none but its own callers", async () => {
    const { table } = await watched();
    const full = scene.another({}, { max: 1 });
    const holder = await full.connect();
    const store = postgresStore(full, { table });
    const [early, ...others] = newKeys(5) as [string, ...string[]];
    const impatient = createIdempotency({ store, storeTimeout: "0.2s" }).execute(early, "1m", () => "sent");
    const patient = createIdempotency({ store, storeTimeout: "20s" });
    const calls = others.map(key => patient.execute(key, "1m", () => "sent"));
    await expect(impatient).rejects.toMatchObject({ code: "STORE_ERROR" });
    holder.release();
    expect((await Promise.all(calls)).every(({ persisted }) => persisted)).toBe(true);
    // S2: what landed late is released.
    await vi.waitFor(async () => expect((await store.read(early))?.status).toBe("released"), {
      timeout: 5_000,
    });
  });
});

describe("two processes", () => {
  it("that claim and complete the same keys in opposite orders never wait for each other in a circle", async () => {
    const table = newTable();
    const [one, two] = [await watched(table), await watched(table, scene.another())];
    // So that each has made some of the keys while the other makes some.
    await trigger(table, "PERFORM pg_sleep(0.01);");
    for (let round = 0; round < 5; round++) {
      const keys = newKeys(4);
      const reversed = keys.toReversed();
      const answers = await Promise.all([
        ...claimAll(one.store, keys, "a"),
        ...claimAll(two.store, reversed, "b"),
      ]);
      expect(answers.filter(({ status }) => status === "claimed").length).toBe(keys.length);
    }
    const joined = [...one.spy.joined(), ...two.spy.joined()];
    expect(joined.map(({ error }) => error?.code)).toEqual(joined.map(() => undefined));
    expect(joined.length).toBe(10);
  });
});

describe("a joined statement that fails", () => {
  it("fails none of its claims but the one that is refused", async () => {
    const { spy, store, table } = await watched();
    const keys = newKeys(10);
    await scene.probe.query(`ALTER TABLE ${table} ADD CHECK (key <> '${keys[3]}')`);
    const ends = await Promise.allSettled(claimAll(store, keys));
    expect(ends.map(({ status }) => status === "fulfilled")).toEqual(keys.map((_, n) => n !== 3));
    expect(ends[3]).toMatchObject({ reason: { code: "23514" } });
    expect(spy.joined().map(({ error }) => error?.code)).toEqual(["23514"]);
  });

  it("fails none of its completions but the one that is refused", async () => {
    const { store, table } = await watched();
    await scene.probe.query(`ALTER TABLE ${table} ADD CHECK (outcome <> 'bad')`);
    const keys = newKeys(10);
    await Promise.all(claimAll(store, keys));
    const ends = await Promise.allSettled(
      keys.map((key, n) => store.complete(key, "a", n === 3 ? "bad" : "sent", LONG.ttlMs)),
    );
    expect(ends.map(({ status }) => status === "fulfilled")).toEqual(keys.map((_, n) => n !== 3));
    expect(ends[3]).toMatchObject({ reason: { code: "23514" } });
    expect(await store.read(keys[3]!)).toMatchObject({ status: "in-progress" });
  });

  it.each(["40P01", "40001"])("with %s goes on alone", async code => {
    const { spy, store, table } = await watched();
    await scene.probe.query(`CREATE SEQUENCE ${table}_tries`);
    await trigger(
      table,
      `IF nextval('${table}_tries') <= 2 THEN RAISE EXCEPTION 'in the way' USING ERRCODE = '${code}'; END IF;`,
    );
    // The first failure is the joined statement's, the second that of one alone, which tries again.
    expect(await Promise.all(claimAll(store, newKeys(5)))).toEqual(Array(5).fill(claimed("a")));
    const failed = spy.sent.filter(({ error }) => error !== undefined);
    expect(failed.map(({ isJoined, error }) => [isJoined, error?.code])).toEqual([
      [true, code],
      [false, code],
    ]);
    expect(spy.joined().length).toBe(1);
  });

  it("after it was done, because its reply was lost, is repeated with the same tokens", async () => {
    const table = newTable();
    await watched(table);
    let cuts = 1;
    const cutting: PostgresClient = {
      async query(each) {
        const answer = await scene.pool.query(each);
        if (each.text.includes("unnest(") && cuts-- > 0) throw new Error("read ECONNRESET");
        return answer;
      },
    };
    const { execute } = createIdempotency({ store: postgresStore(cutting, { table }) });
    const fn = vi.fn(async () => "sent");
    const ends = await Promise.all(newKeys(10).map(key => execute(key, "1m", fn)));
    expect(ends.map(({ attempt, persisted }) => [attempt, persisted])).toEqual(ends.map(() => [1, true]));
    expect([fn.mock.calls.length, cuts < 1]).toEqual([10, true]); // one joined statement was cut
  });
});

describe("the surroundings of a joined statement", () => {
  it("are those of no call, and each call goes on in its own", async () => {
    const { spy, store } = await watched();
    const call = (key: string) =>
      context.run(key, async () => {
        await store.claim(key, { token: "a", ...LONG });
        const claimedIn = context.getStore();
        await store.complete(key, "a", "sent", LONG.ttlMs);
        return [claimedIn, context.getStore()];
      });
    const keys = newKeys(30);
    expect(await Promise.all(keys.map(call))).toEqual(keys.map(key => [key, key]));
    expect(spy.joined().length).toBeGreaterThan(1);
    expect(new Set(spy.joined().map(each => each.context))).toEqual(new Set([undefined]));
    await call("alone");
    expect(spy.sent.slice(-2).map(each => [each.isJoined, each.context])).toEqual(
      Array(2).fill([false, "alone"]),
    );
  });

  it("keep their lock_timeout", async () => {
    const pool = scene.another({ lock_timeout: "7777" }, { max: 1 });
    const { spy, store } = await watched(newTable(), pool);
    const keys = newKeys(3);
    await Promise.all(claimAll(store, keys));
    await Promise.all(keys.map(key => store.complete(key, "a", "sent", LONG.ttlMs)));
    expect(spy.joined().length).toBe(2);
    expect((await pool.query("SHOW lock_timeout")).rows).toEqual([{ lock_timeout: "7777ms" }]);
  });

  it("are no transaction of the caller's", async () => {
    const client = await scene.client();
    const table = newTable();
    await watched(table);
    const own = Object.assign(spying(client), { getTransactionStatus: () => client.getTransactionStatus() });
    const store = postgresStore(own, { table });
    await client.query("BEGIN");
    const refused = await Promise.allSettled(claimAll(store, newKeys(3)));
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect(own.sent).toEqual([]);
    expect((await client.query("SHOW lock_timeout")).rows).toEqual([{ lock_timeout: "0" }]);
    await client.query("COMMIT");
    await Promise.all(claimAll(store, newKeys(3)));
    expect(own.joined().length).toBe(1);
  });

  it("are no transaction that a store works in", async () => {
    const client = await scene.client();
    const spy = spying(client);
    const { store } = await watched();
    await client.query("BEGIN");
    await Promise.all(newKeys(3).map(key => store.inTransaction(spy).claim(key, { token: "a", ...LONG })));
    await client.query("ROLLBACK");
    expect(spy.joined()).toEqual([]);
    expect(spy.sent.length).toBe(3);
  });
});
