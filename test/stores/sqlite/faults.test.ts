import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isIdempotencyError } from "../../../src/contract/errors.ts";
import { sqliteStore } from "../../../src/stores/sqlite/store.ts";
import { rejection } from "../../support/calls.ts";
import { caught } from "../../support/caught.ts";
import { run } from "../../support/run.ts";
import { sqliteFolder } from "./harness.ts";

vi.setConfig({ testTimeout: 60_000 });

const LONG = { ttlMs: 60_000, leaseMs: 30_000 };

const files = sqliteFolder(file => new Database(file));
afterAll(() => files.close());

let file: string;
let own: Database.Database;
let other: Database.Database;
beforeEach(() => {
  file = `${crypto.randomUUID()}.db`;
  own = files.connect(file) as Database.Database;
  other = files.connect(file) as Database.Database;
});

const claim = async (store: ReturnType<typeof sqliteStore>, key: string) =>
  store.claim(key, { token: `${key}'s`, ...LONG });
const seen = (key: string) => other.prepare("SELECT token FROM idempotency_keys WHERE key = ?").all(key);
const lock = () => other.exec("BEGIN IMMEDIATE");
const unlock = () => other.exec("COMMIT");
const soon = (ms = 60) => new Promise(resolve => setTimeout(resolve, ms));

describe("while another connection writes", () => {
  afterEach(() => vi.useRealTimers());

  it("a claim waits without blocking the event loop", async () => {
    const store = sqliteStore(own);
    lock();
    const start = performance.now();
    const claimed = claim(store, "a");
    expect(performance.now() - start).toBeLessThan(200);
    await soon();
    unlock();
    expect(await claimed).toMatchObject({ status: "claimed" });
  });

  it("many claims that wait hold up neither the event loop nor whoever has the lock", async () => {
    const store = sqliteStore(own);
    lock();
    const claims = Promise.allSettled(Array.from({ length: 200 }, (_, n) => claim(store, `${n}`)));
    // Turns of the event loop: if each took as long as a try of each, the claims would give up before the last.
    for (let turn = 0; turn < 200; turn++) await soon(1);
    unlock();
    for (const each of await claims) expect(each).toMatchObject({ value: { status: "claimed" } });
  });

  it("of those who wait only the first blocks for a moment at each try", async () => {
    const store = sqliteStore(own);
    const blocking = () => (own.prepare("PRAGMA busy_timeout").get() as { timeout: number }).timeout;
    await claim(store, "done");
    const ms = blocking();
    lock();
    const claims = ["a", "b"].map(key => claim(store, key));
    expect([ms > 0, blocking()]).toEqual([true, 0]);
    unlock();
    await Promise.all(claims);
    expect(blocking()).toBe(ms);
  });

  it("several operations that wait are each done with their own values, and committed", async () => {
    const store = sqliteStore(own);
    await claim(store, "done");
    lock();
    const waiting = [claim(store, "a"), store.complete("done", "done's", "sent", 60_000), claim(store, "b")];
    await soon();
    unlock();
    expect((await waiting[0]) as object).toMatchObject({ runId: "a's" });
    expect(await waiting[1]).toBe(true);
    expect((await waiting[2]) as object).toMatchObject({ runId: "b's" });
    expect(seen("a")).toEqual([{ token: "a's" }]);
    expect(seen("b")).toEqual([{ token: "b's" }]);
    // Nothing of it holds the lock any longer.
    lock();
    unlock();
  });

  it("what had to wait holds nothing up, and takes nothing with it", async () => {
    const store = sqliteStore(own);
    await claim(store, "done");
    lock();
    const waits = claim(store, "waits");
    unlock();
    // Another statement, before the one that had to wait is tried again.
    expect(store.complete("done", "done's", "sent", 60_000)).toBe(true);
    expect(other.prepare("SELECT outcome FROM idempotency_keys WHERE key = 'done'").all()).toEqual([
      { outcome: "sent" },
    ]);
    lock();
    unlock();
    expect((await waits) as object).toMatchObject({ status: "claimed", runId: "waits's" });
    expect(seen("waits")).toHaveLength(1);
  });

  it("a replay is answered at once", async () => {
    const store = sqliteStore(own);
    await claim(store, "k");
    await store.complete("k", "k's", "sent", 60_000);
    lock();
    expect(store.claim("k", { token: "t", ...LONG })).toMatchObject({ status: "completed", outcome: "sent" });
    unlock();
  });

  it("a claim gives up in the end, with the client's own error", async () => {
    const store = sqliteStore(own);
    lock();
    vi.useFakeTimers({ toFake: ["setTimeout", "performance"] });
    const failure = rejection(claim(store, "k"));
    await vi.advanceTimersByTimeAsync(4_600);
    expect(await failure).toMatchObject({ code: "SQLITE_BUSY" });
    unlock();
    vi.useRealTimers();
    expect(await claim(store, "k")).toMatchObject({ status: "claimed" });
  });

  it("a store can be made, and makes its table when it gets to it", async () => {
    lock();
    const store = sqliteStore(own);
    const claimed = claim(store, "k");
    await soon();
    unlock();
    expect(await claimed).toMatchObject({ status: "claimed" });
  });
});

describe("a claim that comes in between", () => {
  /** Has another connection act between the next statement that reads and the one that writes. */
  function beforeWriting(act: () => unknown): void {
    const prepare = own.prepare.bind(own);
    own.prepare = ((sql: string) => {
      if (sql.startsWith("INSERT")) act();
      return prepare(sql);
    }) as typeof own.prepare;
  }

  it("is seen, and not replaced", async () => {
    const [store, rival] = [sqliteStore(own), sqliteStore(other)];
    beforeWriting(() => rival.claim("k", { token: "rival", ...LONG }));
    expect(await claim(store, "k")).toMatchObject({ status: "in-progress", attempt: 1 });
    expect(seen("k")).toEqual([{ token: "rival" }]);
  });
});

describe("within an open transaction of its connection", () => {
  it("a store refuses to claim, for that could be rolled back", async () => {
    const store = sqliteStore(own);
    own.exec("BEGIN");
    const { message } = caught(() => store.claim("k", { token: "t", ...LONG }), "STORE_ERROR");
    expect(message).toBe(
      "database: expected no open transaction; got one: what is written now could be rolled back. " +
        "Give the store a connection of its own",
    );
    expect(own.inTransaction).toBe(true);
    own.exec("ROLLBACK");
    expect(await claim(store, "k")).toMatchObject({ status: "claimed" });
  });

  it("no store can be made", () => {
    own.exec("BEGIN");
    caught(() => sqliteStore(own), "STORE_ERROR");
    own.exec("ROLLBACK");
  });
});

describe("a full disk", () => {
  it.each(["one by one", "many"])("fails what it cannot keep, and nothing else: %s", async how => {
    // No file may be longer than a megabyte; 512 bytes are the unit of POSIX.
    const program = fileURLToPath(new URL("full-disk.ts", import.meta.url));
    const command = 'ulimit -f 2048 && exec "$0" --import tsx "$@"';
    const path = join(files.folder, file);
    const { stdout, code } = await run("sh", ["-c", command, process.execPath, program, path, how]);
    expect(code).toBe(0);
    const told = JSON.parse(stdout) as string[];
    type Row = { key: string; attempt: number; outcome: string | null };
    const rows = other.prepare("SELECT key, attempt, outcome FROM idempotency_keys").all() as Row[];
    const kept = rows.flatMap(({ key, attempt, outcome }) => [
      `${key} attempt 1`,
      ...(attempt === 2 ? [`${key} attempt 2`] : []),
      ...(outcome === null ? [] : [`${key} completed`]),
    ]);
    expect(told.length).toBeGreaterThan(10);
    expect(kept.sort()).toEqual(told.sort());
  });
});

describe("a record that cannot be read", () => {
  const CHANGES = ["version = 1", "version = 'x'", "attempt = 0", "run_id = x'00'", "fingerprint = x'00'"];

  it.each(CHANGES)("with %s is none for anybody, until it is forgotten", async change => {
    const store = sqliteStore(own);
    await claim(store, "k");
    other.exec(`UPDATE idempotency_keys SET ${change}`);
    const request = { token: "t", ...LONG, rerun: true };
    for (const act of [() => store.claim("k", request), () => store.read("k")]) {
      expect(caught(act, "RESULT_UNAVAILABLE").message).toContain("cannot be read");
    }
    expect(await store.forget("k")).toBe(true);
    expect(await claim(store, "k")).toMatchObject({ status: "claimed", attempt: 1 });
  });

  it("of another version is completed, renewed, released and settled by nobody", async () => {
    const store = sqliteStore(own);
    await claim(store, "k");
    other.exec("UPDATE idempotency_keys SET version = 1");
    for (const act of [
      () => store.renew("k", "k's", 5_000),
      () => store.complete("k", "k's", "sent", 5_000),
      () => store.release("k", "k's"),
      () => store.settle("k", "sent", 5_000),
      () => store.reopen("k"),
    ]) {
      caught(act, "RESULT_UNAVAILABLE");
    }
  });

  it("is an error of the engine's too, and runs nothing", async () => {
    const { withIdempotency } = await import("../../../src/index.ts");
    const store = sqliteStore(own);
    const call = (fn: () => string) => withIdempotency("k", "1m", fn, { store, onStoreError: "run" });
    await call(() => "sent");
    other.exec("UPDATE idempotency_keys SET version = 1");
    const fn = vi.fn(() => "again");
    expect(isIdempotencyError(await rejection(call(fn)), "RESULT_UNAVAILABLE")).toBe(true);
    expect(fn).not.toHaveBeenCalled();
  });
});
