import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore, withIdempotency } from "../../../src/index.ts";
import { faultyStore, gate } from "../../../src/testing.ts";
import { deferred, pass, rejection, stateOf, turn } from "../../support/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const hold = { onError: () => "hold" as const };
const fail = () => Promise.reject(new Error("no"));

describe("createIdempotency", () => {
  it("binds a store and defaults, before which a call's own options go", async () => {
    const store = memoryStore();
    const other = memoryStore();
    const { withIdempotency: once } = createIdempotency({ store, ...hold });
    await rejection(once("held", "1h", fail));
    expect(await rejection(once("held", "1h", () => 1))).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    await rejection(once("released", "1h", fail, { onError: () => "release" }));
    expect(await once("released", "1h", ({ attempt }) => attempt)).toBe(2);
    expect(await once("held", "1h", () => "elsewhere", { store: other })).toBe("elsewhere");
    expect(other.read("held")).toMatchObject({ status: "completed" });
  });

  it("uses the store of the process where it is given none", async () => {
    await createIdempotency().withIdempotency("of the process", "1h", () => "a");
    expect(await withIdempotency("of the process", "1h", () => "b")).toBe("a");
  });

  it("keeps namespaces apart, also from keys that look like theirs", async () => {
    const store = memoryStore();
    const spaces = [undefined, "a", "b", "a:b", "a\\", ":"].map(namespace =>
      createIdempotency({ store, namespace }),
    );
    const keys = ["k", "b:k", ":a:k", "::k", "a:k"];
    const values = await Promise.all(
      spaces.flatMap((space, s) => keys.map((key, k) => space.withIdempotency(key, "1h", () => `${s}/${k}`))),
    );
    expect(new Set(values).size).toBe(spaces.length * keys.length);
  });

  it("checks what it is given at once", () => {
    const make = (options: unknown) => () => createIdempotency(options as never);
    expect(make(null)).toThrow("options: expected a plain object; got null");
    expect(make("redis")).toThrow('options: expected a plain object; got "redis"');
    expect(make(Promise.resolve({ store: memoryStore() }))).toThrow(
      "options: expected a plain object; got a promise",
    );
    expect(make(Object.create({ store: memoryStore() }))).toThrow("options: expected a plain object; got");
    for (const [namespace, shown] of [
      ["", '""'],
      ["  ", '"  "'],
      [7, "7"],
      ["\ud800", '"\\ud800"'],
    ]) {
      expect(make({ namespace })).toThrow(
        `namespace: expected a non-empty string of well-formed Unicode; got ${shown}`,
      );
    }
    expect(make({ onConflict: "queue" })).toThrow('onConflict: expected "wait" or "reject"; got "queue"');
    expect(make({ namespace: undefined })).not.toThrow();
  });
});

describe("execute", () => {
  it("distinguishes a run from a replay, and names the run that the value comes from", async () => {
    const { execute } = createIdempotency({ store: memoryStore() });
    await rejection(execute("k", "1h", fail));
    const outcome = { value: "sent", persisted: true, attempt: 2, key: "k" };
    expect(await execute("k", "1h", () => "sent")).toEqual({ ...outcome, replayed: false });
    expect(await execute("k", "1h", () => "again")).toEqual({ ...outcome, replayed: true });
  });

  it("gives an array's key as text", async () => {
    const { execute } = createIdempotency({ store: memoryStore(), namespace: "n" });
    expect(await execute(["a:b", 1], "1h", () => 1)).toMatchObject({ key: "a\\:b:1" });
  });

  it("rejects rather than throws", async () => {
    const { execute } = createIdempotency();
    expect(await rejection(execute("", "1h", () => 1))).toMatchObject({ code: "INVALID_KEY" });
  });
});

it("forgets a run that begins while the store is asked what there is", async () => {
  const store = faultyStore(memoryStore());
  const { withIdempotency: once, forget } = createIdempotency({ store });
  const late = gate();
  const running = gate();
  store.inject({ operation: "read", kind: "delay-request", by: late });
  const forgotten = forget("k");
  await late.reached;
  const first = once("k", "1h", () => running.pass().then(() => "first"));
  await running.reached;
  late.open();
  expect(await forgotten).toBe(true);
  expect(await once("k", "1h", () => "second")).toBe("second");
  running.open();
  expect(await first).toBe("first");
});

describe("inspect", () => {
  it("knows nothing of a key that is not there, or whose time is over", async () => {
    const { inspect, execute } = createIdempotency({ store: memoryStore() });
    expect(await inspect("k")).toBeUndefined();
    await execute("k", "1s", () => 1);
    await pass(1_000);
    expect(await inspect("k")).toBeUndefined();
  });

  it("shows each state", async () => {
    const store = memoryStore();
    const { inspect, execute } = createIdempotency({ store, namespace: "n", lease: "10s" });
    const work = deferred();
    let run = { idempotencyKey: "", idempotencyUuid: "" };
    const claimedAt = new Date();
    const running = rejection(
      execute("k", "1m", ({ idempotencyKey, idempotencyUuid }) => {
        run = { idempotencyKey, idempotencyUuid };
        return work.promise;
      }),
    );
    await pass(1_000);
    const common = { ...run, claimedAt, attempt: 1 };
    expect(await inspect("k")).toEqual({
      ...common,
      state: "in-progress",
      leaseInMs: 9_000,
      expiresInMs: 69_000,
    });
    work.reject(new Error("no"));
    await running;
    await pass(1_000);
    expect(await inspect("k")).toEqual({ ...common, state: "released", leaseInMs: 0, expiresInMs: 59_000 });
    await rejection(execute("k", "1m", fail, hold));
    const second = { ...common, attempt: 2, leaseInMs: 0 };
    expect(await inspect("k")).toEqual({ ...second, state: "uncertain", expiresInMs: 60_000 });
    await execute("k", "30s", () => ({ id: 1 }), { onUncertain: "rerun" });
    expect(await inspect("k")).toEqual({
      ...second,
      attempt: 3,
      state: "completed",
      expiresInMs: 30_000,
      value: { id: 1 },
    });
  });

  it("shows a stored error, and no value where none can be read", async () => {
    const { inspect, execute } = createIdempotency({ store: memoryStore() });
    await rejection(execute("error", "1h", fail, { onError: () => "store" }));
    const error = { name: "Error", message: "no", code: undefined };
    expect(await inspect("error")).toMatchObject({ state: "completed", error });
    expect(await inspect("error")).not.toHaveProperty("value");
    await execute("unstorable", "1h", () => () => {});
    const state = await inspect("unstorable");
    expect(state).toMatchObject({ state: "completed" });
    expect(state).not.toHaveProperty("value");
    expect(state).not.toHaveProperty("error");
  });

  it("reads with the serializer of the instance", async () => {
    const serializer = { stringify: () => "text", parse: (text: string): unknown => `parsed ${text}` };
    const { inspect, execute } = createIdempotency({ store: memoryStore(), serializer });
    await execute("k", "1h", () => 1);
    expect(await inspect("k")).toMatchObject({ value: "parsed text" });
  });
});

describe("forget", () => {
  it("frees a key whatever its state, within its namespace", async () => {
    const store = memoryStore();
    const a = createIdempotency({ store, namespace: "a" });
    const b = createIdempotency({ store, namespace: "b" });
    expect(await a.forget("k")).toBe(false);
    await a.execute("k", "1h", () => 1);
    await b.execute("k", "1h", () => 1);
    expect(await a.forget("k")).toBe(true);
    expect(await a.execute("k", "1h", () => 2)).toMatchObject({ value: 2, replayed: false, attempt: 1 });
    expect(await b.execute("k", "1h", () => 2)).toMatchObject({ value: 1 });
    await rejection(a.execute("held", "1h", fail, hold));
    expect(await a.forget("held")).toBe(true);
    expect(await a.execute("held", "1h", () => 3)).toMatchObject({ value: 3, attempt: 1 });
  });

  it("in mid-run: the run goes on, and its result is not kept", async () => {
    const { execute, forget, inspect } = createIdempotency({ store: memoryStore() });
    const work = deferred();
    const running = execute("k", "1h", () => work.promise);
    expect(await forget("k")).toBe(true);
    work.resolve("sent");
    expect(await running).toMatchObject({ value: "sent", persisted: false });
    expect(await inspect("k")).toBeUndefined();
  });
});

describe("resolve", () => {
  it("settles an uncertain key with what was found, for ttl from now", async () => {
    const { execute, resolve } = createIdempotency({ store: memoryStore() });
    await rejection(execute("k", "1h", fail, hold));
    const found = { id: 1, by: new Map([["ann", 1]]) };
    expect(await resolve("k", "10s", found)).toBe(true);
    await pass(9_999);
    expect(await execute("k", "1h", () => 0)).toMatchObject({ value: found, replayed: true, attempt: 1 });
    await pass(1);
    expect(await execute("k", "1h", () => 0)).toMatchObject({ value: 0, replayed: false });
  });

  it("leaves every other key alone", async () => {
    const { execute, resolve } = createIdempotency({ store: memoryStore() });
    expect(await resolve("absent", "1h", 1)).toBe(false);
    expect(await execute("absent", "1h", () => "ran")).toMatchObject({ value: "ran" });
    expect(await resolve("absent", "1h", 1)).toBe(false);
    expect(await execute("absent", "1h", () => 0)).toMatchObject({ value: "ran" });
    await rejection(execute("released", "1h", fail));
    expect(await resolve("released", "1h", 1)).toBe(false);
    const work = deferred();
    const running = execute("running", "1h", () => work.promise);
    expect(await resolve("running", "1h", 1)).toBe(false);
    work.resolve("sent");
    expect(await running).toMatchObject({ value: "sent", persisted: true });
  });

  it("refuses a value that cannot be stored, and a bad key or ttl", async () => {
    const { execute, resolve, inspect } = createIdempotency({ store: memoryStore() });
    await rejection(execute("k", "1h", fail, hold));
    const error = await rejection(resolve("k", "1h", () => {}));
    expect(error).toMatchObject({
      code: "INVALID_OPTION",
      message: "value: expected a result that can be stored; got result: a function",
      cause: expect.any(Error),
    });
    expect(await rejection(resolve("k", "0s", 1))).toMatchObject({ code: "DURATION_OUT_OF_RANGE" });
    expect(await rejection(resolve("", "1h", 1))).toMatchObject({ code: "INVALID_KEY" });
    expect(await inspect("k")).toMatchObject({ state: "uncertain" });
  });
});

describe("a store that fails under inspect, forget and resolve", () => {
  const questions = [
    ["read", "a StoreRecord or undefined"],
    ["forget", "true or false"],
    ["settle", "true or false"],
  ] as const;
  /** A store with a key whose outcome is unknown. */
  const uncertain = () => {
    const memory = memoryStore();
    memory.claim("a:1", { token: "t", ttlMs: 60_000, leaseMs: 1_000 });
    memory.renew("a:1", "t", 0);
    return memory;
  };
  const ask = (store: ReturnType<typeof faultyStore>, operation: "read" | "forget" | "settle") => {
    const { inspect, forget, resolve } = createIdempotency({ store, storeTimeout: "2s" });
    if (operation === "read") return inspect(["a", 1]);
    return operation === "forget" ? forget(["a", 1]) : resolve(["a", 1], "1h", 1);
  };

  it.each(questions)("%s: STORE_ERROR with the cause", async operation => {
    const error = new Error("connection reset");
    const store = faultyStore(uncertain(), [{ operation, kind: "fail", error }]);
    expect(await rejection(ask(store, operation))).toMatchObject({
      code: "STORE_ERROR",
      key: "a:1",
      cause: error,
      message: `The store failed to ${operation}: connection reset`,
    });
  });

  it.each(questions)("%s: throws at once", async operation => {
    const store = faultyStore(uncertain());
    const broken = {
      ...store,
      [operation]() {
        throw "not connected";
      },
    };
    expect(await rejection(ask(broken, operation))).toMatchObject({
      code: "STORE_ERROR",
      message: `The store failed to ${operation}: "not connected"`,
    });
  });

  it.each(questions)("%s: never answers", async operation => {
    const store = faultyStore(uncertain(), [{ operation, kind: "hang" }]);
    const asked = rejection(ask(store, operation));
    await pass(1_999);
    expect(await stateOf(asked)).toBe("pending");
    await pass(1);
    expect(await asked).toMatchObject({ code: "STORE_ERROR", key: "a:1" });
    store.restore();
    await turn();
  });

  it.each(questions)("%s: answers nonsense", async (operation, expected) => {
    for (const value of [null, 1, "yes"]) {
      const store = faultyStore(uncertain(), [{ operation, kind: "answer", value }]);
      expect(await rejection(ask(store, operation))).toMatchObject({
        code: "STORE_ERROR",
        message: `store.${operation} returned an invalid answer: expected ${expected}; got ${JSON.stringify(value)}`,
      });
    }
  });
});
