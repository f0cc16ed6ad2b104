import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type Execution, memoryStore, withIdempotency } from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";
import { deferred, pass, rejection } from "../support/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const stores = [
  ["a store that answers at once", () => memoryStore()],
  ["a store that answers later", () => faultyStore(memoryStore())],
] as const;

describe.each(stores)("on %s", (_name, makeStore) => {
  it("runs once and replays a copy", async () => {
    const store = makeStore();
    const fn = vi.fn(async () => ({ id: 1, tags: ["a"] }));
    const first = await withIdempotency("k", "1h", fn, { store });
    const second = await withIdempotency("k", "1h", fn, { store });
    first.tags.push("mutated");
    second.tags.push("mutated too");
    expect(await withIdempotency("k", "1h", fn, { store })).toEqual({ id: 1, tags: ["a"] });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("replays undefined rather than running again", async () => {
    const store = makeStore();
    const fn = vi.fn(() => undefined);
    expect(await withIdempotency("k", "1h", fn, { store })).toBeUndefined();
    expect(await withIdempotency("k", "1h", fn, { store })).toBeUndefined();
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("gives a promise, also for a replay that is at hand", async () => {
    const store = makeStore();
    const first = withIdempotency("k", "1h", () => "sent", { store });
    expect(first).toBeInstanceOf(Promise);
    await first;
    expect(withIdempotency("k", "1h", () => "again", { store })).toBeInstanceOf(Promise);
  });

  it("takes a function that throws before its first await for one that rejects", async () => {
    const store = makeStore();
    const error = new Error("no such address");
    const throwing = (): string => {
      throw error;
    };
    expect(await rejection(withIdempotency("k", "1h", throwing, { store }))).toBe(error);
    const attempts: number[] = [];
    await withIdempotency("k", "1h", ({ attempt }) => attempts.push(attempt), { store });
    expect(attempts).toEqual([2]);
  });

  it("takes any thenable, and the first of its answers", async () => {
    const store = makeStore();
    const thenable = {
      then(resolve: (value: string) => void, reject: (error: unknown) => void) {
        resolve("first");
        resolve("second");
        reject(new Error("third"));
      },
    } as PromiseLike<string>;
    expect(await withIdempotency("k", "1h", () => thenable, { store })).toBe("first");
    expect(await withIdempotency("k", "1h", () => "again", { store })).toBe("first");
  });

  it("runs again once ttl has passed since completion, and not a millisecond earlier", async () => {
    const store = makeStore();
    let runs = 0;
    const call = () => withIdempotency("k", "1m", () => ++runs, { store });
    await call();
    await pass(59_999);
    expect(await call()).toBe(1);
    await pass(1);
    expect(await call()).toBe(2);
  });

  it("does not let replays extend the window", async () => {
    const store = makeStore();
    let runs = 0;
    const call = () => withIdempotency("k", "10s", () => ++runs, { store });
    await call();
    for (let second = 1; second < 10; second++) {
      await pass(1_000);
      expect(await call()).toBe(1);
    }
    await pass(1_000);
    expect(await call()).toBe(2);
  });

  it("counts the window from completion, however long the run took", async () => {
    const store = makeStore();
    const work = deferred();
    let runs = 0;
    const call = () => withIdempotency("k", "1s", () => (++runs === 1 ? work.promise : "again"), { store });
    const first = call();
    await pass(600_000);
    work.resolve("slow");
    expect(await first).toBe("slow");
    await pass(999);
    expect(await call()).toBe("slow");
    await pass(1);
    expect(await call()).toBe("again");
  });

  it("replays a run whose result came before its own claim was needed again, per key", async () => {
    const store = makeStore();
    expect(await withIdempotency(["order", 42], "1h", () => "a", { store })).toBe("a");
    expect(await withIdempotency("order:42", "1h", () => "b", { store })).toBe("a");
    expect(await withIdempotency(["order", 43], "1h", () => "b", { store })).toBe("b");
    expect(await withIdempotency("Order:42", "1h", () => "c", { store })).toBe("c");
  });
});

describe("what fn gets", () => {
  const tell = async (run: (fn: (execution: Execution) => string) => Promise<unknown>) => {
    let told: Execution | undefined;
    await run(execution => {
      told = execution;
      return execution.idempotencyKey;
    });
    return told!;
  };

  it("is the key as text, the attempt, a key for the provider and a signal", async () => {
    const store = memoryStore();
    const told = await tell(fn => withIdempotency(["order", 42n, true], "1h", fn, { store }));
    expect(told.key).toBe("order:42:true");
    expect(told.attempt).toBe(1);
    expect(told.idempotencyKey).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    expect(told.signal).toBeInstanceOf(AbortSignal);
    expect(told.signal).toBe(told.signal);
    expect(told.signal.aborted).toBe(false);
  });

  it("counts attempts after failures, with the same key for the provider, until one completes", async () => {
    const store = memoryStore();
    const seen: [number, string][] = [];
    const call = (fails: boolean) =>
      withIdempotency(
        "k",
        "1m",
        ({ attempt, idempotencyKey }) => {
          seen.push([attempt, idempotencyKey]);
          if (fails) throw new Error("not now");
        },
        { store },
      );
    await rejection(call(true));
    await rejection(call(true));
    await call(false);
    await pass(60_000);
    await call(false);
    expect(seen.map(([attempt]) => attempt)).toEqual([1, 2, 3, 1]);
    const keys = seen.map(([, key]) => key);
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect(keys[3]).not.toBe(keys[0]);
  });

  it("forgets the attempts of a released key after ttl", async () => {
    const store = memoryStore();
    const seen: [number, string][] = [];
    const call = () =>
      withIdempotency(
        "k",
        "1m",
        ({ attempt, idempotencyKey }) => {
          seen.push([attempt, idempotencyKey]);
          throw new Error("not now");
        },
        { store },
      );
    await rejection(call());
    await pass(60_000);
    await rejection(call());
    expect(seen.map(([attempt]) => attempt)).toEqual([1, 1]);
    expect(seen[0]![1]).not.toBe(seen[1]![1]);
  });

  it("has another key for the provider in another key, namespace and store", async () => {
    const store = memoryStore();
    const a = createIdempotency({ store, namespace: "a" });
    const b = createIdempotency({ store, namespace: "b" });
    const keys = [
      await withIdempotency("k", "1h", e => e.idempotencyKey, { store }),
      await withIdempotency("l", "1h", e => e.idempotencyKey, { store }),
      await a.withIdempotency("k", "1h", e => e.idempotencyKey),
      await b.withIdempotency("k", "1h", e => e.idempotencyKey),
      await withIdempotency("k", "1h", e => e.idempotencyKey, { store: memoryStore() }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("onError", () => {
  it("replays an error that it stores, for ttl", async () => {
    const store = memoryStore();
    const error = Object.assign(new TypeError("no such user"), { code: "E_USER" });
    const fn = vi.fn(() => Promise.reject(error));
    const call = () => withIdempotency("k", "1m", fn, { store, onError: () => "store" });
    expect(await rejection(call())).toBe(error);
    const original = { name: "TypeError", message: "no such user", code: "E_USER" };
    expect(await rejection(call())).toMatchObject({ code: "REPLAYED_ERROR", key: "k", original });
    expect(fn).toHaveBeenCalledTimes(1);
    await pass(60_000);
    expect(await rejection(call())).toBe(error);
  });

  it("is given the error, and frees the key where it says release", async () => {
    const store = memoryStore();
    const error = Object.assign(new Error("reset"), { code: "ECONNRESET" });
    const onError = vi.fn(() => "release" as const);
    const fail = () => Promise.reject(error);
    expect(await rejection(withIdempotency("k", "1m", fail, { store, onError }))).toBe(error);
    expect(onError).toHaveBeenCalledExactlyOnceWith(error);
    expect(await withIdempotency("k", "1m", ({ attempt }) => attempt, { store })).toBe(2);
  });

  it.each([undefined, null, 0, "text"])("survives that fn throws %j", async thrown => {
    const store = memoryStore();
    expect(await rejection(withIdempotency("k", "1m", () => Promise.reject(thrown), { store }))).toBe(thrown);
    expect(await withIdempotency("k", "1m", ({ attempt }) => attempt, { store })).toBe(2);
  });
});

describe("the default store", () => {
  it("is apart from a store that is given", async () => {
    await withIdempotency("apart", "1h", () => "default");
    expect(await withIdempotency("apart", "1h", () => "given", { store: memoryStore() })).toBe("given");
    expect(await withIdempotency("apart", "1h", () => "again")).toBe("default");
  });
});
