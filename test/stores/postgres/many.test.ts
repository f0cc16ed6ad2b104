import { randomUUID } from "node:crypto";
import { describe, expect, inject, it, onTestFinished, vi } from "vitest";
import type { ClaimResult, Each } from "../../../src/contract/store.ts";
import type { PostgresClient, PostgresQuery } from "../../../src/stores/postgres/client.ts";
import { type PostgresStore, postgresStore } from "../../../src/stores/postgres/store.ts";
import { startProxy } from "../../support/proxy.ts";
import { pgPool } from "./clients.ts";
import { LONG, postgresScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = postgresScene(() => inject("postgresUrl"));
const newTable = () => scene.table.replace(/keys$/, `t_${randomUUID().replaceAll("-", "")}`);
const newKeys = (count: number) => {
  const prefix = randomUUID();
  return Array.from({ length: count }, (_, n) => `${prefix}:${String(n).padStart(4, "0")}`);
};

interface Sent extends PostgresQuery {
  error?: { code?: string };
}

/** A store on a table of its own, by a client that keeps what it sends. */
async function watched(table = newTable(), client: PostgresClient = scene.pool) {
  const sent: Sent[] = [];
  const query = async (each: PostgresQuery) => {
    const one: Sent = { ...each };
    sent.push(one);
    try {
      return await client.query(each);
    } catch (error) {
      one.error = error as { code?: string };
      throw error;
    }
  };
  const store = postgresStore({ query }, { table });
  await store.migrate();
  sent.length = 0;
  const errors = () => sent.flatMap(({ error }) => (error === undefined ? [] : [error.code]));
  return { store, table, sent, errors };
}

const claims = (keys: readonly string[], token = "a") =>
  keys.map(key => ({ key, request: { token, ...LONG } }));
const holders = (keys: readonly string[], token = "a") => keys.map(key => ({ key, token }));
const completions = (keys: readonly string[], outcome = "sent") =>
  holders(keys).map(item => ({ ...item, outcome, ttlMs: LONG.ttlMs }));
const renewals = (keys: readonly string[], leaseMs = LONG.leaseMs) =>
  holders(keys).map(item => ({ ...item, leaseMs }));

const claimed = (runId = "a", attempt = 1) => ({ status: "claimed", attempt, runId, takeover: false });
const statuses = (answers: readonly Each<ClaimResult>[]) =>
  answers.map(answer => (answer instanceof Error ? "an error" : answer.status));
const keysOf = ({ values: [keys] }: Sent): string[] => JSON.parse(`[${String(keys).slice(1, -1)}]`);

/** What is done to many keys, from what they have to be before. */
const ACTS: Record<string, (store: PostgresStore, keys: readonly string[]) => unknown> = {
  claimMany: (store, keys) => store.claimMany!(claims(keys, "b")),
  renewMany: (store, keys) => store.renewMany!(renewals(keys)),
  completeMany: (store, keys) => store.completeMany!(completions(keys)),
  releaseMany: (store, keys) => store.releaseMany!(holders(keys)),
};

/** Keys that each of the acts may change: a claim takes a released one. */
async function prepared(store: PostgresStore, name: string, count: number): Promise<string[]> {
  const keys = newKeys(count);
  await store.claimMany!(claims(keys));
  if (name === "claimMany") await store.releaseMany!(holders(keys));
  return keys;
}

const done = (name: string) => (name === "claimMany" ? claimed("a", 2) : true);

/** Calls the function before each record is made, or changed with `event`. */
async function trigger(table: string, body: string, event: string): Promise<void> {
  const name = `${table}_${event.toLowerCase()}`;
  await scene.probe.query(`CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN ${body} RETURN NEW; END $$;
    CREATE TRIGGER each BEFORE ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION ${name}()`);
}

describe("operations on many keys", () => {
  it("are a few statements, of one text each, however many keys they are for", async () => {
    const { store, sent, errors } = await watched();
    for (const count of [1, 7, 1_000]) {
      const keys = newKeys(count);
      expect(await store.claimMany!(claims(keys))).toEqual(keys.map(() => claimed()));
      expect(await store.renewMany!(renewals(keys))).toEqual(keys.map(() => true));
      expect(await store.completeMany!(completions(keys))).toEqual(keys.map(() => true));
      expect(statuses(await store.claimMany!(claims(keys, "b")))).toEqual(keys.map(() => "completed"));
    }
    expect(errors()).toEqual([]);
    expect(sent.length).toBe(4 + 4 + 4 * 4);
    expect(new Set(sent.map(({ text }) => text)).size).toBe(3);
    expect(new Set(sent.map(({ name }) => name)).size).toBe(3);
    expect(Math.max(...sent.map(each => keysOf(each).length))).toBe(256);
  });

  it("take what was released, lapsed, or is past its time by a statement more", async () => {
    const { store, sent, table } = await watched();
    const keys = newKeys(90);
    await store.claimMany!(claims(keys));
    await store.releaseMany!(holders(keys.slice(0, 30)));
    await store.renewMany!(renewals(keys.slice(30, 60), 0));
    await scene.probe.query(`UPDATE ${table} SET expires_at = 1 WHERE key = ANY($1)`, [keys.slice(60)]);
    sent.length = 0;
    const items = claims(keys, "b").map(({ key, request }) => ({
      key,
      request: { ...request, rerun: true },
    }));
    expect(await store.claimMany!(items)).toEqual([
      ...keys.slice(0, 30).map(() => claimed("a", 2)),
      ...keys.slice(30, 60).map(() => ({ ...claimed("a", 2), takeover: true })),
      ...keys.slice(60).map(() => claimed("b")),
    ]);
    expect(sent.length).toBe(2);
  });

  it("carry a bounded amount of results, there and back", async () => {
    const { store, sent } = await watched();
    const keys = newKeys(6);
    const large = "x".repeat(400_000);
    await store.claimMany!(claims(keys));
    await store.completeMany!(completions(keys, large));
    const sizes = sent.map(({ values }) => values.join("").length);
    expect(Math.max(...sizes)).toBeGreaterThan(800_000);
    expect(Math.max(...sizes)).toBeLessThan(1_100_000);
    const answers = await store.claimMany!(claims(keys, "b"));
    expect(answers).toEqual(keys.map(() => expect.objectContaining({ status: "completed", outcome: large })));
  });

  it("look records up by the index, also in a table that was small when they were prepared", async () => {
    const { store, sent, table } = await watched();
    const keys = newKeys(4);
    for (const name of Object.keys(ACTS)) await ACTS[name]!(store, await prepared(store, name, 4));
    await store.releaseMany!(holders(keys));
    const client = await scene.client();
    await client.query("SET plan_cache_mode = force_generic_plan");
    const texts = new Map(sent.map(each => [each.text, each]));
    expect(texts.size).toBe(6);
    for (const [n, { text, values }] of [...texts.values()].entries()) {
      await client.query(`PREPARE many_${n} AS ${text}`);
      const literals = values.map(value => client.escapeLiteral(String(value)));
      const { rows } = await client.query(`EXPLAIN EXECUTE many_${n}(${literals})`);
      const plan = rows.map(row => row["QUERY PLAN"]).join("\n");
      expect(plan).toContain("_pkey");
      expect(plan).not.toContain(`Seq Scan on ${table.split(".")[1]}`);
    }
  });

  it("keep the connection's lock_timeout", async () => {
    const pool = scene.another({ lock_timeout: "7777" }, { max: 1 });
    const { store } = await watched(newTable(), pool);
    const keys = newKeys(3);
    await store.claimMany!(claims(keys));
    await store.completeMany!(completions(keys));
    expect((await pool.query("SHOW lock_timeout")).rows).toEqual([{ lock_timeout: "7777ms" }]);
  });

  it("write nothing in a transaction of the caller's", async () => {
    const client = await scene.client();
    const { table } = await watched();
    const store = postgresStore(client, { table });
    const keys = newKeys(3);
    await client.query("BEGIN");
    for (const act of Object.values(ACTS)) {
      expect(await act(store, keys)).toEqual(
        keys.map(() => expect.objectContaining({ code: "STORE_ERROR" })),
      );
    }
    await client.query("COMMIT");
    expect(await store.claimMany!(claims(keys))).toEqual(keys.map(() => claimed()));
  });

  it("are none of a store that works in a transaction", async () => {
    const client = await scene.client();
    await client.query("BEGIN");
    expect(Object.keys(scene.store().inTransaction(client)).filter(name => name.endsWith("Many"))).toEqual(
      [],
    );
    await client.query("ROLLBACK");
  });
});

describe("a key that another transaction holds", () => {
  it("holds up none of the hundred that are claimed with it, and ends as an error", async () => {
    const { store, errors, sent } = await watched();
    const rival = await scene.client();
    const keys = newKeys(100);
    await rival.query("BEGIN");
    await store.inTransaction(rival).claim(keys[37]!, { token: "rival", ...LONG });
    // Its twin does not wait for it either.
    const answers = await store.claimMany!(claims([...keys, keys[37]!]));
    expect(answers[37]).toMatchObject({ code: "55P03" });
    expect(answers[100]).toBe(answers[37]);
    expect(statuses(answers).filter(status => status === "claimed").length).toBe(99);
    // Half of it each time.
    expect(new Set(errors())).toEqual(new Set(["55P03"]));
    expect(sent.length).toBeLessThanOrEqual(1 + 2 * 7);
    await rival.query("ROLLBACK");
    expect(await store.claimMany!(claims(keys))).toEqual(keys.map(() => claimed()));
  });

  it.each(Object.keys(ACTS))("holds up none of %s, and ends as an error", async name => {
    const { store, table } = await watched();
    const keys = await prepared(store, name, 30);
    const rival = await scene.client();
    await rival.query("BEGIN");
    await rival.query(`UPDATE ${table} SET attempt = attempt WHERE key = $1`, [keys[7]]);
    const answers = (await ACTS[name]!(store, keys)) as unknown[];
    expect(answers[7]).toMatchObject({ code: "55P03" });
    expect(answers.toSpliced(7, 1)).toEqual(Array(29).fill(done(name)));
    await rival.query("ROLLBACK");
    expect(await ACTS[name]!(store, [keys[7]!])).toEqual([done(name)]);
  });
});

describe("two processes", () => {
  const both = async () => {
    const table = newTable();
    return { table, one: await watched(table), two: await watched(table, scene.another()) };
  };

  it("that claim the same keys in opposite orders never wait for each other in a circle", async () => {
    const { table, one, two } = await both();
    // So that each has made some of the keys while the other makes some.
    await trigger(table, "PERFORM pg_sleep(0.01);", "INSERT");
    for (let round = 0; round < 5; round++) {
      const keys = newKeys(4);
      const [ours, theirs] = await Promise.all([
        one.store.claimMany!(claims(keys, "a")),
        two.store.claimMany!(claims(keys.toReversed(), "b")),
      ]);
      const pairs = statuses(ours).map((status, n) => [status, statuses(theirs).toReversed()[n]].sort());
      expect(pairs).toEqual(keys.map(() => ["claimed", "in-progress"]));
    }
    expect([...one.errors(), ...two.errors()]).toEqual([]);
  });

  it.each(Object.keys(ACTS))("that do %s in opposite orders never do either", async name => {
    const { table, one, two } = await both();
    await trigger(table, "PERFORM pg_sleep(0.01);", "UPDATE");
    for (let round = 0; round < 5; round++) {
      const keys = await prepared(one.store, name, 4);
      const answers = await Promise.all([
        ACTS[name]!(one.store, keys),
        ACTS[name]!(two.store, keys.toReversed()),
      ]);
      expect(answers.flat().filter(answer => answer instanceof Error)).toEqual([]);
    }
    expect([...one.errors(), ...two.errors()]).toEqual([]);
  });
});

describe("a statement for many keys that fails", () => {
  it("fails none of its claims but the one that is refused", async () => {
    const { store, table } = await watched();
    const keys = newKeys(100);
    await scene.probe.query(`ALTER TABLE ${table} ADD CHECK (key <> '${keys[3]}')`);
    const answers = await store.claimMany!(claims(keys));
    expect(answers[3]).toMatchObject({ code: "23514" });
    expect(answers.toSpliced(3, 1)).toEqual(Array(99).fill(claimed()));
  });

  it("fails none of its completions but the one that is refused", async () => {
    const { store, table } = await watched();
    await scene.probe.query(`ALTER TABLE ${table} ADD CHECK (outcome <> 'bad')`);
    const keys = newKeys(100);
    await store.claimMany!(claims(keys));
    const items = completions(keys).map((item, n) => (n === 3 ? { ...item, outcome: "bad" } : item));
    const answers = await store.completeMany!(items);
    expect(answers[3]).toMatchObject({ code: "23514" });
    expect(answers.toSpliced(3, 1)).toEqual(Array(99).fill(true));
    expect(await store.read(keys[3]!)).toMatchObject({ status: "in-progress" });
  });

  it.each(["40P01", "40001"])("with %s is sent again", async code => {
    const { store, table, errors } = await watched();
    await scene.probe.query(`CREATE SEQUENCE ${table}_tries`);
    const body = `IF nextval('${table}_tries') <= 2 THEN RAISE EXCEPTION 'in the way' USING ERRCODE = '${code}'; END IF;`;
    await trigger(table, body, "INSERT");
    expect(await store.claimMany!(claims(newKeys(5)))).toEqual(Array(5).fill(claimed()));
    expect(errors()).toEqual([code, code]);
  });

  it("because nobody answers, is not sent in halves", async () => {
    const sent: PostgresQuery[] = [];
    const failure = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const query = async (each: PostgresQuery) => {
      sent.push(each);
      throw failure;
    };
    const store = postgresStore({ query }, { table: scene.table });
    const keys = newKeys(1_000);
    expect(await store.claimMany!(claims(keys))).toEqual(keys.map(() => failure));
    expect(sent.length).toBe(4);
  });

  it("because its connection was cut after it was done, is repeated with the same tokens (S2)", async () => {
    const { hostname: host, port } = new URL(scene.url);
    const proxy = await startProxy({ host, port: Number(port) });
    const url = new URL(scene.url);
    url.port = `${proxy.port}`;
    const pool = pgPool(url.href);
    onTestFinished(async () => {
      await proxy.stop();
      await pool.end();
    });
    const store = postgresStore(pool, { table: scene.table });
    const keys = newKeys(600);
    const isCut = proxy.cutBeforeReply(request => request.includes(keys[300]!));
    const answers = await store.claimMany!(claims(keys));
    await isCut;
    expect(statuses(answers)).toEqual(keys.map((_, n) => (n >= 256 && n < 512 ? "an error" : "claimed")));
    expect(await store.claimMany!(claims(keys))).toEqual(keys.map(() => claimed()));
  });
});

describe("a record that cannot be read", () => {
  it.each(Object.keys(ACTS))("is an error of its own item in %s", async name => {
    const { store, table } = await watched();
    const keys = await prepared(store, name, 5);
    await scene.probe.query(`UPDATE ${table} SET version = 9 WHERE key = $1`, [keys[2]]);
    const answers = (await ACTS[name]!(store, keys)) as unknown[];
    expect(answers[2]).toMatchObject({ code: "RESULT_UNAVAILABLE" });
    expect(answers.toSpliced(2, 1)).toEqual(Array(4).fill(done(name)));
  });
});

describe("those who wait for a key", () => {
  const ENDING: Record<string, (store: PostgresStore, keys: readonly string[]) => unknown> = {
    "completed with others": ACTS["completeMany"]!,
    "released with others": ACTS["releaseMany"]!,
    "held with others": (store, keys) => store.renewMany!(renewals(keys, 0)),
  };

  it.each(Object.entries(ENDING))("are told that it was %s", async (_, act) => {
    const { table } = await watched();
    const listener = await scene.client();
    const store = postgresStore(scene.pool, { table, listener });
    const keys = await prepared(store, "", 3);
    const told = store.settled!(keys[1]!, new AbortController().signal);
    // The listener listens before what it is to hear of.
    await vi.waitFor(async () => {
      const { rows } = await scene.probe.query(
        "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND query LIKE 'LISTEN %' AND state = 'idle'",
        [(listener as unknown as { processID: number }).processID],
      );
      expect(rows.length).toBe(1);
    });
    expect(await act(store, keys)).toEqual([true, true, true]);
    await told;
  });

  it("cost no completion where the server lets nobody notify", async () => {
    const { table } = await watched();
    const refused: string[] = [];
    const query = async (each: PostgresQuery) => {
      if (!each.text.includes("pg_notify")) return scene.pool.query(each);
      refused.push(each.text);
      throw Object.assign(new Error("permission denied for function pg_notify"), { code: "42501" });
    };
    const store = postgresStore({ query }, { table, listener: await scene.client() });
    const keys = await prepared(store, "", 3);
    expect(await store.completeMany!(completions(keys))).toEqual([true, true, true]);
    expect(refused.length).toBe(1);
  });
});
