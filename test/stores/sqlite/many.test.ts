import Database from "libsql";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { sqliteStore } from "../../../src/stores/sqlite/store.ts";
import { sqliteFolder } from "./harness.ts";

vi.setConfig({ testTimeout: 60_000 });

const LONG = { ttlMs: 60_000, leaseMs: 30_000 };
const files = sqliteFolder(file => new Database(file));
afterAll(() => files.close());

let own: Database.Database;
let other: Database.Database;
let executed: string[];

beforeEach(() => {
  const file = `${crypto.randomUUID()}.db`;
  own = files.connect(file) as Database.Database;
  other = files.connect(file) as Database.Database;
  executed = [];
  const exec = own.exec.bind(own);
  own.exec = ((sql: string) => {
    executed.push(sql);
    return exec(sql);
  }) as typeof own.exec;
});

/** A store that has its table; what was executed for that is forgotten. */
function opened() {
  const store = sqliteStore(own);
  executed.length = 0;
  return store;
}

const keys = ["a", "b", "c", "d"];
const claims = (token = "t", of: readonly string[] = keys) =>
  of.map(key => ({ key, request: { token, ...LONG } }));
const holders = keys.map(key => ({ key, token: "t" }));
const completions = keys.map(key => ({ key, token: "t", outcome: "sent", ttlMs: LONG.ttlMs }));
const claimed = { status: "claimed", attempt: 1, runId: "t", takeover: false };
const soon = () => new Promise(resolve => setTimeout(resolve, 60));

describe("operations on many keys", () => {
  it("are one transaction each, and answer at once", () => {
    const store = opened();
    expect(store.claimMany!(claims())).toEqual(keys.map(() => claimed));
    expect(store.renewMany!(holders.map(item => ({ ...item, leaseMs: 5_000 })))).toEqual(
      keys.map(() => true),
    );
    expect(store.completeMany!(completions)).toEqual(keys.map(() => true));
    expect(store.releaseMany!(holders)).toEqual(keys.map(() => false));
    expect(executed).toEqual(Array(4).fill(["BEGIN IMMEDIATE", "COMMIT"]).flat());
  });

  it("write nothing and take no lock where all is replayed", () => {
    const store = opened();
    store.claimMany!(claims());
    store.completeMany!(completions);
    executed.length = 0;
    other.exec("BEGIN IMMEDIATE");
    expect(store.claimMany!(claims("next"))).toEqual(
      keys.map(() => expect.objectContaining({ status: "completed", outcome: "sent" })),
    );
    other.exec("COMMIT");
    expect(executed).toEqual([]);
  });

  it("wait as a whole, without blocking, while another connection writes", async () => {
    const store = opened();
    other.exec("BEGIN IMMEDIATE");
    const waiting = [store.claimMany!(claims()), store.claimMany!(claims("next", ["e", "a"]))];
    await soon();
    expect(other.prepare("SELECT key FROM idempotency_keys").all()).toEqual([]);
    other.exec("COMMIT");
    const [first, second] = await Promise.all(waiting);
    const statuses = [...first!, ...second!].map(answer => (answer as { status: string }).status);
    expect(statuses.filter(status => status === "claimed").length).toBe(5);
    expect(own.inTransaction).toBe(false);
    other.exec("BEGIN IMMEDIATE; COMMIT");
  });

  it("see what another connection wrote meanwhile, each item in its place", async () => {
    const [store, rival] = [opened(), sqliteStore(other)];
    other.exec("BEGIN IMMEDIATE");
    const waiting = store.claimMany!(claims());
    other.exec("COMMIT");
    rival.claimMany!(claims("rival", ["b", "c"]));
    expect(await waiting).toEqual([
      claimed,
      expect.objectContaining({ status: "in-progress" }),
      expect.objectContaining({ status: "in-progress" }),
      claimed,
    ]);
  });

  it("fail none but the item that is refused, and leave no transaction open", async () => {
    const store = opened();
    other.exec(`CREATE TRIGGER no BEFORE INSERT ON idempotency_keys WHEN NEW.key = 'b'
      BEGIN SELECT RAISE(ABORT, 'not b'); END`);
    const answers = await store.claimMany!(claims());
    expect(answers[1]).toBeInstanceOf(Error);
    expect((answers[1] as Error).message).toContain("not b");
    expect([...answers].toSpliced(1, 1)).toEqual([claimed, claimed, claimed]);
    expect(executed.filter(sql => /BEGIN|COMMIT|ROLLBACK/.test(sql))).toEqual([
      "BEGIN IMMEDIATE",
      "ROLLBACK",
    ]);
    expect(other.prepare("SELECT count(*) AS n FROM idempotency_keys").get()).toMatchObject({ n: 3 });
    other.exec("BEGIN IMMEDIATE; COMMIT");
  });

  it("fail for a record that cannot be read, and for no other", () => {
    const store = opened();
    store.claimMany!(claims());
    other.exec("UPDATE idempotency_keys SET version = 1 WHERE key = 'b'");
    const unreadable = expect.objectContaining({ code: "RESULT_UNAVAILABLE" });
    expect(store.claimMany!(claims())).toEqual([claimed, unreadable, claimed, claimed]);
    expect(store.completeMany!(completions)).toEqual([true, unreadable, true, true]);
    expect(own.inTransaction).toBe(false);
  });

  it("write nothing in a transaction of the caller's", async () => {
    const store = opened();
    own.exec("BEGIN");
    const refused = expect.objectContaining({ code: "STORE_ERROR" });
    expect(await store.claimMany!(claims())).toEqual(keys.map(() => refused));
    expect(own.inTransaction).toBe(true);
    own.exec("ROLLBACK");
    expect(store.claimMany!(claims())).toEqual(keys.map(() => claimed));
  });
});
