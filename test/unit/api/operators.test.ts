import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createIdempotency,
  type KeyEntry,
  type ListFilter,
  memoryStore,
  type Options,
} from "../../../src/index.ts";
import { faultyStore } from "../../../src/testing.ts";
import { countOf, deferred, pass, processes, rejection, turn, unhandledDuring } from "../../support/calls.ts";
import { caught } from "../../support/caught.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const fail = () => {
  throw new Error("no");
};
const hold: Options = { onError: () => "hold" };

async function all(entries: AsyncIterable<KeyEntry>): Promise<KeyEntry[]> {
  const read: KeyEntry[] = [];
  for await (const entry of entries) read.push(entry);
  return read;
}

/** An instance with a key in each state, named like it. */
async function withEachState(namespace?: string) {
  const instance = createIdempotency({ store: memoryStore(), namespace });
  const work = deferred();
  void instance.execute("in-progress", "1h", () => work.promise);
  await rejection(instance.execute("released", "1h", fail));
  await rejection(instance.execute("uncertain", "1h", fail, hold));
  await instance.execute("completed", "1h", () => ({ id: 7 }));
  return { ...instance, end: () => work.resolve("sent") };
}

describe("list", () => {
  it.each([undefined, "mail", "a:b"])("gives the keys of one state, in namespace %s", async namespace => {
    const { list, inspect, end } = await withEachState(namespace);
    for (const state of ["in-progress", "released", "uncertain", "completed"] as const) {
      const [entry, ...rest] = await all(list({ state }));
      expect(rest).toEqual([]);
      expect(entry).toMatchObject({ ...(await inspect(state)), key: state, state, attempt: 1 });
      expect(entry).toMatchObject({ storeKey: expect.stringContaining(state), runId: expect.any(String) });
    }
    end();
  });

  it("gives those whose outcome is unknown if nothing else is said", async () => {
    const { list } = await withEachState();
    expect(await all(list())).toMatchObject([{ key: "uncertain" }]);
    expect(await all(list({}))).toMatchObject([{ key: "uncertain" }]);
  });

  it("keeps to its namespace, and without one to keys that have none", async () => {
    const store = memoryStore();
    const spaces = [undefined, "a", "b", "ab", "a:b", "n".repeat(300)];
    const instances = spaces.map(namespace => createIdempotency({ store, namespace }));
    for (const [n, { execute }] of instances.entries()) {
      for (const key of [`k${n}`, `:k${n}`, "x".repeat(300)]) await rejection(execute(key, "1h", fail, hold));
    }
    for (const [n, { list }] of instances.entries()) {
      const keys = (await all(list())).map(({ key }) => key);
      expect(new Set(keys)).toEqual(new Set([`k${n}`, `:k${n}`, undefined]));
      expect(keys.length).toBe(3);
    }
  });

  it("has the value or the error of a completed key, where it can be read", async () => {
    const { execute, list } = createIdempotency({ store: memoryStore() });
    await execute("a", "1h", () => new Map([["id", 1]]));
    await rejection(execute("b", "1h", fail, { onError: () => "store" }));
    await execute("c", "1h", () => () => {});
    const entries = await all(list({ state: "completed" }));
    const of = (key: string) => entries.find(entry => entry.key === key);
    expect(of("a")).toMatchObject({ value: new Map([["id", 1]]) });
    expect(of("b")).toMatchObject({ error: { name: "Error", message: "no" } });
    expect(of("c")).not.toHaveProperty("value");
  });

  it("counts an uncertain key's age from when it became so, and another's from its window's first claim", async () => {
    const store = memoryStore();
    const { execute, list } = createIdempotency({ store });
    const keys = async (filter: ListFilter) => (await all(list(filter))).map(({ key }) => key);
    store.claim("lapsed", { token: "t", leaseMs: 10_000, ttlMs: 3_600_000 });
    await pass(30_000);
    await rejection(execute("held", "1h", fail, hold));
    await rejection(execute("released", "1h", fail));
    await pass(5_000);
    await rejection(execute("released", "1h", fail));
    expect(await keys({ olderThan: "25s" })).toEqual(["lapsed"]);
    expect(await keys({ olderThan: "25.001s" })).toEqual([]);
    expect(await keys({ olderThan: "5s" })).toEqual(["lapsed", "held"]);
    expect(await keys({ olderThan: { milliseconds: 0 } })).toEqual(["lapsed", "held"]);
    expect(await keys({ state: "released", olderThan: "5s" })).toEqual(["released"]);
    expect(await keys({ state: "released", olderThan: "5.001s" })).toEqual([]);
  });

  it("goes on while keys come, go and change", async () => {
    const { execute, list, forget } = createIdempotency({ store: memoryStore() });
    const keys = Array.from({ length: 100 }, (_, n) => `k${n}`);
    for (const key of keys) await rejection(execute(key, "1h", fail, hold));
    const seen: string[] = [];
    for await (const { key } of list()) {
      seen.push(key!);
      await forget(key!);
      await forget(`k${seen.length * 2}`);
      await rejection(execute(`new${seen.length}`, "1h", fail, hold));
    }
    // Whatever was there all the while.
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(keys.filter(key => seen.includes(key)));
    expect(seen.length).toBeGreaterThanOrEqual(50);
    expect((await all(list())).every(({ key }) => key!.startsWith("new"))).toBe(true);
  });

  it("does not count as use of a key", async () => {
    const evicted: string[] = [];
    const store = memoryStore({ maxEntries: 2, onEvict: key => evicted.push(key) });
    const { execute, list } = createIdempotency({ store });
    for (const key of ["a", "b"]) await execute(key, "1h", () => 1);
    for await (const { key } of list({ state: "completed" })) if (key === "a") break;
    await execute("c", "1h", () => 1);
    expect(evicted).toEqual(["a"]);
  });

  it("gives dates, and what JSON makes of an entry stands for its key", async () => {
    const { execute, list, reopen, inspect } = createIdempotency({ store: memoryStore(), namespace: "n" });
    const began = new Date();
    await rejection(execute("x".repeat(257), "1h", fail, hold));
    await pass(1_000);
    const [entry] = await all(list());
    expect(entry!.claimedAt).toEqual(began);
    expect(entry!.key).toBeUndefined();
    const copy: KeyEntry = JSON.parse(JSON.stringify(entry));
    expect(await reopen(copy)).toBe(true);
    expect(await inspect(copy)).toMatchObject({ state: "released" });
  });

  it.each([
    [
      { state: "lost" },
      'state: expected "uncertain" or "in-progress" or "released" or "completed"; got "lost"',
    ],
    [{ older: "1m" }, 'list: expected one of state, olderThan; got "older"'],
    ["uncertain", 'list: expected a plain object; got "uncertain"'],
  ])("refuses %j at once", (filter, message) => {
    const { list } = createIdempotency({ store: memoryStore() });
    expect(caught(() => list(filter as ListFilter), "INVALID_OPTION").message).toBe(message);
  });

  it.each([
    ["1 fortnight", "INVALID_DURATION"],
    ["25h", "DURATION_OUT_OF_RANGE"],
  ] as const)("refuses to look for what is older than %s", (olderThan, code) => {
    const { list } = createIdempotency({ store: memoryStore() });
    expect(caught(() => list({ olderThan: olderThan as "1h" }), code).message).toMatch(/^olderThan: /);
  });

  it("says at once that the store cannot list, and what to do", () => {
    const { list: _, ...store } = faultyStore(memoryStore());
    const { list } = createIdempotency({ store });
    expect(caught(() => list(), "INVALID_OPTION").message).toMatch(
      /^store: expected one that can list its keys \(`inspect` works with any\); got .* without list$/,
    );
  });

  it("fails with STORE_ERROR, before its first key or after", async () => {
    const error = new Error("connection reset");
    const store = faultyStore(memoryStore(), [{ operation: "list", kind: "fail", error }]);
    const { list } = createIdempotency({ store });
    expect(await rejection(all(list()))).toMatchObject({
      code: "STORE_ERROR",
      cause: error,
      message: "The store failed to list: connection reset",
    });
    const broken = { ...store, list: () => [{ key: "a" }] as never };
    expect(await rejection(all(createIdempotency({ store: broken }).list()))).toMatchObject({
      code: "STORE_ERROR",
      message: expect.stringContaining("store.list returned an invalid answer: expected ListedRecords"),
    });
  });

  it("tells the store what to look for, and how long to wait", async () => {
    const store = faultyStore(memoryStore());
    const { list } = createIdempotency({ store, namespace: "a:b", storeTimeout: "2s" });
    await all(list({ olderThan: "1m" }));
    const query = { prefix: ":a\\:b:", status: "uncertain", olderThanMs: 60_000, timeoutMs: 2_000 };
    expect(store.calls).toEqual([{ operation: "list", key: ":a\\:b:", args: [":a\\:b:", query] }]);
  });
});

describe("reopen", () => {
  it("frees an uncertain key: the next call runs, with the next attempt and the same idempotencyKey", async () => {
    const { execute, reopen, inspect } = createIdempotency({ store: memoryStore() });
    const seen: string[] = [];
    const note = (fn: () => unknown) => (execution: { idempotencyKey: string }) => {
      seen.push(execution.idempotencyKey);
      return fn();
    };
    await rejection(execute("k", "1h", note(fail), hold));
    expect(await reopen("k")).toBe(true);
    expect(await inspect("k")).toMatchObject({ state: "released", attempt: 1 });
    // It did not happen: a failure frees the key again.
    await rejection(execute("k", "1h", note(fail)));
    expect(
      await execute(
        "k",
        "1h",
        note(() => 3),
      ),
    ).toMatchObject({ value: 3, attempt: 3, replayed: false });
    expect(new Set(seen).size).toBe(1);
  });

  it("leaves every other key alone", async () => {
    const { reopen, inspect, end } = await withEachState();
    expect(await reopen("absent")).toBe(false);
    for (const state of ["in-progress", "released", "completed"]) {
      expect(await reopen(state)).toBe(false);
      expect(await inspect(state)).toMatchObject({ state });
    }
    end();
  });

  it("takes the key from a holder that comes back: its result is not kept", async () => {
    const [a, b] = processes(2);
    const [mine, theirs] = [a!, b!].map(store => createIdempotency({ store, lease: "10s" }));
    const work = deferred();
    const running = mine!.execute("k", "1h", () => work.promise);
    await turn();
    vi.setSystemTime(Date.now() + 11_000);
    expect(await theirs!.reopen("k")).toBe(true);
    work.resolve("sent");
    expect(await running).toMatchObject({ value: "sent", persisted: false });
    expect(await theirs!.execute("k", "1h", () => "again")).toMatchObject({ value: "again", attempt: 2 });
  });

  it("of two operators harms nothing: the second is told so, or that it is done", async () => {
    const { execute, reopen, list } = createIdempotency({ store: memoryStore() });
    await rejection(execute("k", "1h", fail, hold));
    const [entry] = await all(list());
    expect(await Promise.all([reopen(entry!), reopen(entry!)])).toEqual([true, true]);
    expect(await reopen("k")).toBe(false);
    expect(await execute("k", "1h", () => 1)).toMatchObject({ attempt: 2 });
    expect(await reopen(entry!)).toBe(false);
  });
});

describe("an entry", () => {
  /** An instance, and what it has listed of a key that has been taken over since, and is uncertain again. */
  async function stale() {
    const store = faultyStore(memoryStore());
    const instance = createIdempotency({ store, namespace: "n" });
    await rejection(instance.execute("k", "1h", fail, hold));
    const [entry] = await all(instance.list());
    await rejection(instance.execute("k", "1h", fail, { onUncertain: "rerun" }));
    return { ...instance, store, entry: entry! };
  }

  it("is acted on without another look", async () => {
    const { store, list, execute, resolve, reopen, forget } = await stale();
    for (const [n, act] of [
      (entry: KeyEntry) => reopen(entry),
      (entry: KeyEntry) => resolve(entry, "1h", 1),
      (entry: KeyEntry) => forget(entry),
    ].entries()) {
      await rejection(execute(`k${n}`, "1h", fail, hold));
      const entry = (await all(list())).find(({ key }) => key === `k${n}`)!;
      expect(await act(entry)).toBe(true);
    }
    expect(countOf(store, "read")).toBe(0);
  });

  it("stands for the claim that it shows: a later one is left alone (S11)", async () => {
    const { entry, resolve, reopen, forget, inspect } = await stale();
    expect(await reopen(entry)).toBe(false);
    expect(await resolve(entry, "1h", 1)).toBe(false);
    expect(await forget(entry)).toBe(false);
    expect(await inspect(entry)).toMatchObject({ state: "uncertain", attempt: 2 });
  });

  it("of a takeover between the look and reopen by its key is left alone (S11)", async () => {
    const { store, reopen, execute, inspect } = await stale();
    const takeOver = vi.fn(async () => {
      await rejection(execute("k", "1h", fail, { onUncertain: "rerun" }));
    });
    const read = store.read.bind(store);
    vi.spyOn(store, "read").mockImplementationOnce(async key => {
      const seen = await read(key);
      await takeOver();
      return seen;
    });
    expect(await reopen("k")).toBe(false);
    expect(takeOver).toHaveBeenCalledTimes(1);
    expect(await inspect("k")).toMatchObject({ state: "uncertain", attempt: 3 });
  });

  it("of another namespace is refused, and of what list did not give", async () => {
    const { entry } = await stale();
    const { reopen, inspect } = createIdempotency({ store: memoryStore(), namespace: "m" });
    const plain = createIdempotency({ store: memoryStore() });
    expect(await rejection(reopen(entry))).toMatchObject({
      code: "INVALID_OPTION",
      message: 'entry: expected an unchanged entry of list() from the namespace "m"; got ":n:k"',
    });
    expect(await rejection(plain.forget(entry))).toMatchObject({
      message: 'entry: expected an unchanged entry of list() from no namespace; got ":n:k"',
    });
    for (const change of [{ runId: 1 }, { attempt: "1" }, { storeKey: undefined }]) {
      expect(await rejection(inspect({ ...entry, ...change } as never))).toMatchObject({
        code: "INVALID_OPTION",
        message: expect.stringContaining(
          'entry: expected an unchanged entry of list() from the namespace "m"; got ',
        ),
      });
    }
    expect(await rejection(inspect({ key: "k" } as never))).toMatchObject({ code: "INVALID_KEY" });
  });

  it("that is forgotten again is forgotten", async () => {
    const { list, forget } = await stale();
    const [entry] = await all(list());
    expect(await forget(entry!)).toBe(true);
    expect(await forget(entry!)).toBe(true);
  });
});

it("resolve refuses a promise, and leaves no rejection unhandled", async () => {
  const { resolve } = await withEachState();
  const unhandled = await unhandledDuring(async () => {
    const found = Promise.reject(new Error("the provider is down"));
    expect(await rejection(resolve("uncertain", "1h", found))).toMatchObject({
      code: "INVALID_OPTION",
      message: "value: expected a result that can be stored; got result: a Promise",
    });
  });
  expect(unhandled).toEqual([]);
});
