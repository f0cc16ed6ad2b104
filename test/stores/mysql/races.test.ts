import type mysql from "mysql2/promise";
import { describe, expect, inject, it, vi } from "vitest";
import { createIdempotency } from "../../../src/index.ts";
import type { MysqlClient, MysqlQuery } from "../../../src/stores/mysql/client.ts";
import { LONG, mysqlScene, newKey, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = mysqlScene(() => inject("mysqlUrl"));
const RERUN = { ...LONG, rerun: true };

/** A client that does something before the nth statement that begins so. */
function interrupted(verb: string, act: () => Promise<unknown>, nth = 1): MysqlClient {
  let count = 0;
  return {
    query: async (each: MysqlQuery) => {
      if (
        each.sql.replace(/\/\*.*?\*\/ ?/g, "").startsWith(verb) &&
        !each.sql.includes("VERSION") &&
        ++count === nth
      ) {
        await act();
      }
      return scene.pool.query(each);
    },
    execute() {},
  } as MysqlClient;
}

/** A key whose lease is over. */
async function uncertain(): Promise<string> {
  const key = newKey();
  await scene.store().claim(key, { token: "a", ...LONG });
  await scene.store().renew(key, "a", 0);
  return key;
}

describe("a claim between whose statements another comes", () => {
  it("does not take over what another has taken over just before", async () => {
    const key = await uncertain();
    const rival = () => Promise.resolve(scene.store().claim(key, { token: "rival", ...RERUN }));
    const store = scene.store({}, interrupted("UPDATE", rival));
    expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({
      status: "in-progress",
      attempt: 2,
    });
  });

  it("says that it has not got the key where another took it over right after", async () => {
    const key = await uncertain();
    const rival = async () => {
      await scene.store().renew(key, "b", 0);
      await scene.store().claim(key, { token: "rival", ...RERUN });
    };
    const store = scene.store({}, interrupted("SELECT", rival, 2));
    expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({
      status: "in-progress",
      attempt: 3,
    });
  });

  it.each(["SELECT", "UPDATE"])("claims anew where the record is removed before its %s", async verb => {
    const key = await uncertain();
    const store = scene.store(
      {},
      interrupted(verb, async () => scene.store().forget(key)),
    );
    expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({
      status: "claimed",
      attempt: 1,
      runId: "b",
    });
  });

  it("replays what was completed in between", async () => {
    const key = await uncertain();
    const settle = async () => scene.store().settle(key, "found", LONG.ttlMs);
    const store = scene.store({}, interrupted("UPDATE", settle));
    expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({
      status: "completed",
      outcome: "found",
    });
  });

  it("of many: each item by itself", async () => {
    const [taken, gone, kept] = [await uncertain(), await uncertain(), await uncertain()];
    const rival = async () => {
      await scene.store().claim(taken, { token: "rival", ...RERUN });
      await scene.store().forget(gone);
    };
    const store = scene.store({}, interrupted("UPDATE", rival));
    const items = [taken, gone, kept].map(key => ({ key, request: { token: "b", ...RERUN } }));
    expect(await store.claimMany!(items)).toMatchObject([
      { status: "in-progress", attempt: 2 },
      { status: "claimed", attempt: 1, runId: "b" },
      { status: "claimed", attempt: 2, takeover: true },
    ]);
  });
});

describe("an end between whose statements something happens", () => {
  it("of many: one that was lost meanwhile is told apart from those that were released", async () => {
    const keys = [newKey(), newKey(), newKey()];
    await scene.store().claimMany!(keys.map(key => ({ key, request: { token: "a", ...LONG } })));
    const lose = async () => {
      await scene.store().renew(keys[1]!, "a", 0);
      await scene.store().claim(keys[1]!, { token: "b", ...RERUN });
    };
    const store = scene.store({}, interrupted("UPDATE", lose));
    expect(await store.releaseMany!(keys.map(key => ({ key, token: "a" })))).toEqual([true, false, true]);
    expect(await scene.store().read(keys[1]!)).toMatchObject({ status: "in-progress", attempt: 2 });
  });

  it.each(["FOUND_ROWS", "-FOUND_ROWS"])("is told the same way with the flag %s", async flag => {
    const store = scene.store({}, scene.another([], { flags: [flag] }));
    const key = newKey();
    expect(await store.claim(key, { token: "a", ...LONG })).toMatchObject({ attempt: 1 });
    expect(await store.complete(key, "a", "sent", LONG.ttlMs)).toBe(true);
    expect(await store.complete(key, "a", "sent", LONG.ttlMs)).toBe(true);
    expect(await store.complete(key, "b", "sent", LONG.ttlMs)).toBe(false);
    const items = [key, newKey()].map(each => ({
      key: each,
      token: "a",
      outcome: "sent",
      ttlMs: LONG.ttlMs,
    }));
    expect(await store.completeMany!(items)).toEqual([true, false]);
    const held = await uncertain();
    const { runId, attempt } = (await store.read(held))!;
    expect(await store.reopen(held, { runId, attempt })).toBe(true);
    expect(await store.reopen(held, { runId, attempt })).toBe(true);
    expect(await store.settle(held, "found", LONG.ttlMs, { runId, attempt })).toBe(false);
    const other = await uncertain();
    expect(await store.settle(other, "found", LONG.ttlMs, { runId: "a", attempt: 1 })).toBe(true);
    expect(await store.settle(other, "found", LONG.ttlMs, { runId: "a", attempt: 1 })).toBe(true);
    expect(await store.forget(other)).toBe(true);
    expect(await store.forget(other)).toBe(false);
  });
});

describe("locks", () => {
  /** A connection that holds the record's lock until it is told to let go. */
  async function locked(key: string): Promise<mysql.Connection> {
    const connection = await scene.connection();
    await connection.beginTransaction();
    await connection.query(`SELECT 1 FROM ${scene.table} WHERE \`key\` = '${key}' FOR UPDATE`);
    return connection;
  }

  it("that make a deadlock cost no call its answer: the statement is sent again", async () => {
    const [a, b] = [newKey(), newKey()].sort() as [string, string];
    const store = scene.store();
    for (const key of [a, b]) await store.claim(key, { token: "a", ...LONG });
    // It locks the later key, and then the earlier one, against the order of the store's.
    const rival = await locked(b);
    await rival.query(`UPDATE ${scene.table} SET attempt = attempt + 100 - 100 WHERE \`key\` = '${b}'`);
    const items = [a, b].map(key => ({ key, token: "a", leaseMs: 20_000 }));
    const renewed = Promise.resolve(store.renewMany!(items));
    await scene.waiting();
    const crossed = rival.query(`SELECT 1 FROM ${scene.table} WHERE \`key\` = '${a}' FOR UPDATE`).then(
      () => "locked",
      ({ errno }) => errno,
    );
    // One of the two is the victim; the store's is done again once the rival has gone.
    expect(["locked", 1213]).toContain(await crossed);
    await rival.rollback();
    expect(await renewed).toEqual([true, true]);
  });

  it("of another transaction on one key of many: that item fails, and the others do not wait for it", async () => {
    const keys = [newKey(), newKey(), newKey()];
    const store = scene.store();
    await store.claimMany!(keys.map(key => ({ key, request: { token: "a", ...LONG } })));
    const rival = await locked(keys[1]!);
    const items = keys.map(key => ({ key, token: "a", leaseMs: 20_000 }));
    expect(await store.renewMany!(items)).toMatchObject([true, { errno: 1205 }, true]);
    const claims = keys.map(key => ({ key, request: { token: "b", ...LONG } }));
    expect(await store.claimMany!(claims)).toMatchObject([
      { status: "in-progress" },
      { errno: 1205 },
      { status: "in-progress" },
    ]);
    await rival.rollback();
    expect(await store.renewMany!(items)).toEqual([true, true, true]);
  });

  it("are not taken on other keys, in a table as small as this", async () => {
    const [mine, locks] = [newKey(), newKey()];
    const store = scene.store();
    for (const key of [mine, locks]) await store.claim(key, { token: "a", ...LONG });
    const rival = await locked(locks);
    const holder = [{ key: mine, token: "a" }];
    const acts: [string, () => unknown, unknown][] = [
      ["renewMany", () => store.renewMany!([{ ...holder[0]!, leaseMs: 20_000 }]), [true]],
      ["releaseMany", () => store.releaseMany!(holder), [true]],
      [
        "claimMany",
        () => store.claimMany!([{ key: mine, request: { token: "b", ...LONG } }]),
        [{ attempt: 2 }],
      ],
      ["claim of another", () => store.claim(newKey(), { token: "b", ...LONG }), { attempt: 1 }],
      ["forget", () => store.forget(mine), true],
      ["purge", () => store.purge(), 0],
      ["read", () => store.read(locks), { status: "in-progress" }],
    ];
    for (const [name, act, answer] of acts) {
      const got = await act();
      expect({ name, got }).toMatchObject({ name, got: answer });
    }
    await rival.rollback();
  });

  it("let batches with the same keys in any order through, again and again", async () => {
    const keys = Array.from({ length: 40 }, newKey);
    const stores = [scene.store({}, scene.another()), scene.store({}, scene.another())];
    for (let round = 0; round < 5; round++) {
      const order = (n: number) => (n % 2 === 0 ? keys : keys.toReversed());
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, n) =>
          stores[n % 2]!.claimMany!(
            order(n).map(key => ({ key: `${key}-${round}`, request: { token: `t${n}`, ...LONG } })),
          ),
        ),
      );
      const claimed = answers
        .flat()
        .filter(answer => !(answer instanceof Error) && answer.status === "claimed");
      expect(answers.flat().filter(answer => answer instanceof Error)).toEqual([]);
      expect(claimed.length).toBe(keys.length);
    }
  });
});

it("of very many calls at once by several pools, each key runs once", async () => {
  const key = newKey();
  let runs = 0;
  const pools = [scene.another(), scene.another(), scene.another()];
  const calls = Array.from({ length: 300 }, (_, n) =>
    createIdempotency({ store: scene.store({}, pools[n % 3]!) }).execute([key, n % 30], "1m", async () => {
      runs++;
      return n % 30;
    }),
  );
  const ends = await Promise.all(calls);
  expect(runs).toBe(30);
  expect(ends.every(({ value }, n) => value === n % 30)).toBe(true);
});
