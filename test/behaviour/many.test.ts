import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  createIdempotency,
  type ItemOutcome,
  interruptedInTransit,
  isIdempotencyError,
  type ManyConfig,
  memoryStore,
} from "../../src/index.ts";
import { faultyStore, gate } from "../../src/testing.ts";
import { deferred, pass, recorder, rejection, turn, unhandledDuring } from "../support/calls.ts";
import { FOREVER } from "../support/faults.ts";
import { brief, numbers, oneByOne, STORES, sender } from "../support/many.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const byNumber: ManyConfig<number> = { key: n => ["user", n], ttl: "1h" };
const cut = () => Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });

describe.each(STORES)("on %s", (_name, makeStore) => {
  const setUp = (options = {}) => {
    const store = makeStore();
    return { store, ...createIdempotency({ store, ...options }) };
  };

  describe("B1: outcomes", () => {
    it("come in the order of the items, one each", async () => {
      const { executeMany } = setUp();
      const { fn, batches } = sender<number>();
      const outcomes = await executeMany([3, 1, 2], byNumber, fn);
      expect(outcomes).toEqual(
        [3, 1, 2].map(n => ({
          status: "fulfilled",
          value: `sent ${n}`,
          replayed: false,
          persisted: true,
          key: `user:${n}`,
          attempt: 1,
        })),
      );
      expect(batches).toEqual([[3, 1, 2]]);
    });

    it("of one key that stands there twice leave no timer behind", async () => {
      const { executeMany } = setUp();
      const { fn, sent } = sender<number>();
      const before = vi.getTimerCount();
      const outcomes = await executeMany([1, 1, 2, 1], byNumber, fn);
      expect(outcomes).toMatchObject([1, 1, 2, 1].map(n => ({ value: `sent ${n}`, attempt: 1 })));
      expect(sent()).toEqual([1, 2]);
      await turn();
      expect(vi.getTimerCount()).toBe(before);
    });

    it("of none are none, and nothing runs", async () => {
      const { executeMany } = setUp();
      const { fn } = sender();
      expect(await executeMany([], byNumber, fn)).toEqual([]);
      expect(fn).not.toHaveBeenCalled();
    });

    it("of a bad key or fingerprint are that item's alone", async () => {
      const { executeMany } = setUp();
      const { fn, sent } = sender<number>();
      const boom = new Error("no such user");
      const outcomes = await executeMany(
        numbers(5),
        {
          ttl: "1h",
          key(n) {
            if (n === 1) return "";
            if (n === 2) throw boom;
            return ["user", n];
          },
          fingerprint: n => (n === 3 ? () => {} : { n }),
        },
        fn,
      );
      expect(outcomes.map(brief)).toEqual([
        "sent 0, #1",
        "✗ INVALID_KEY, #0",
        "✗ no such user, #0",
        "✗ INVALID_OPTION, #0",
        "sent 4, #1",
      ]);
      expect(outcomes.map(({ key }) => key)).toEqual(["user:0", undefined, undefined, undefined, "user:4"]);
      expect(outcomes[2]).toMatchObject({ reason: boom });
      expect(sent()).toEqual([0, 4]);
    });

    it("give each item's place to its key", async () => {
      const { executeMany } = setUp();
      const { fn } = sender<string>();
      const outcomes = await executeMany(["a", "b"], { key: (item, n) => [item, n], ttl: "1h" }, fn);
      expect(outcomes.map(({ key }) => key)).toEqual(["a:0", "b:1"]);
    });

    it("of what an abort found unsettled have its reason, and what runs goes on", async () => {
      const { executeMany, inspect } = setUp();
      const controller = new AbortController();
      const open = deferred<string[]>();
      const outcomes = executeMany(
        numbers(4),
        { ...byNumber, batchSize: 2, signal: controller.signal },
        items => (items.includes(0) ? items.map(n => `sent ${n}`) : open.promise),
      );
      await turn();
      controller.abort("stopped");
      expect((await outcomes).map(brief)).toEqual([
        "sent 0, #1",
        "sent 1, #1",
        "✗ stopped, #1",
        "✗ stopped, #1",
      ]);
      open.resolve(["late 2", "late 3"]);
      await turn();
      expect(await inspect(["user", 2])).toMatchObject({ state: "completed", value: "late 2" });
    });

    it("of an abort by fn itself, which then fails, are its reason, and nothing is left unhandled", async () => {
      const { executeMany, execute } = setUp();
      const controller = new AbortController();
      const { signal } = controller;
      const outcomes = await executeMany([1], { ...byNumber, signal }, async () => {
        controller.abort("stopped");
        throw new Error("boom");
      });
      expect(outcomes.map(brief)).toEqual(["✗ stopped, #1"]);
      const other = new AbortController();
      const single = execute(
        "single",
        "1h",
        async () => {
          other.abort("stopped");
          throw new Error("boom");
        },
        { signal: other.signal },
      );
      expect(await rejection(single)).toBe("stopped");
      const third = new AbortController();
      const atOnce = () => {
        third.abort("stopped");
        throw new Error("boom");
      };
      const thrown = await rejection(execute("at once", "1h", atOnce, { signal: third.signal }));
      expect(["stopped", new Error("boom")]).toContainEqual(thrown);
      await turn();
    });

    it("of an array that was aborted before are all there, and nothing is claimed", async () => {
      const { executeMany, inspect } = setUp();
      const { fn } = sender();
      const signal = AbortSignal.abort("too late");
      const outcomes = await executeMany(numbers(3), { ...byNumber, batchSize: 1, signal }, fn);
      expect(outcomes.map(brief)).toEqual(["✗ too late, #0", "✗ too late, #0", "✗ too late, #0"]);
      expect(fn).not.toHaveBeenCalled();
      expect(await inspect(["user", 0])).toBeUndefined();
    });
  });

  describe("B2: fn", () => {
    it("gets batches of at most batchSize, and never an empty one", async () => {
      const { executeMany } = setUp();
      const { fn, batches } = sender<number>();
      await executeMany(numbers(5), { ...byNumber, batchSize: 2 }, fn);
      expect(batches).toEqual([[0, 1], [2, 3], [4]]);
      await executeMany(numbers(5), { ...byNumber, batchSize: 2 }, fn);
      expect(batches).toHaveLength(3);
    });

    it("gets exactly those that this call claimed", async () => {
      const { executeMany, withIdempotency } = setUp();
      await withIdempotency(["user", 1], "1h", () => "before");
      const { fn, batches, executions } = sender<number>();
      const outcomes = await executeMany(numbers(3), byNumber, fn);
      expect(outcomes.map(brief)).toEqual(["sent 0, #1", "before, replayed, #1", "sent 2, #1"]);
      expect(batches).toEqual([[0, 2]]);
      expect(executions[0]).toMatchObject({ keys: ["user:0", "user:2"], attempts: [1, 1] });
    });

    it("fails one item by an Error in its place, which onError decides of", async () => {
      const { executeMany, inspect } = setUp();
      const failures: unknown[] = [new Error("unknown address"), cut(), new Error("kept")];
      const outcomes = await executeMany(
        numbers(4),
        {
          ...byNumber,
          onError: error =>
            (error as Error).message === "kept" ? "store" : interruptedInTransit(error) ? "hold" : "release",
        },
        items => items.map(n => failures[n] ?? "sent") as string[],
      );
      expect(outcomes.map(brief)).toEqual([
        "✗ unknown address, #1",
        "✗ ECONNRESET, #1",
        "✗ kept, #1",
        "sent, #1",
      ]);
      const states = await Promise.all(numbers(4).map(async n => (await inspect(["user", n]))?.state));
      expect(states).toEqual(["released", "uncertain", "completed", "completed"]);
      const { fn, batches, executions } = sender<number>();
      const again = await executeMany(numbers(4), byNumber, fn);
      expect(again.map(brief)).toEqual([
        "sent 0, #2",
        "✗ OUTCOME_UNKNOWN, #1",
        "✗ REPLAYED_ERROR, replayed, #1",
        "sent, replayed, #1",
      ]);
      expect(batches).toEqual([[0]]);
      expect(executions[0]?.attempts).toEqual([2]);
    });

    it("takes an error of another realm for one", async () => {
      const { executeMany } = setUp();
      const foreign = Object.setPrototypeOf(new Error("foreign"), null);
      const outcomes = await executeMany([1], byNumber, () => [foreign]);
      expect(outcomes[0]).toMatchObject({ status: "rejected", reason: foreign });
    });

    it.each([
      ["released by an error that was not in transit", () => new Error("401"), "released"],
      ["held by one that was: nobody knows which were sent (P2)", cut, "uncertain"],
    ])("fails all by a throw: they are %s", async (_how, makeError, state) => {
      const { executeMany, inspect } = setUp();
      const error = makeError();
      for (const [base, fn] of [
        [0, () => Promise.reject(error)],
        [
          10,
          () => {
            throw error;
          },
        ],
      ] as const) {
        const outcomes = await executeMany([base, base + 1], byNumber, fn);
        expect(outcomes.map(outcome => (outcome as { reason: unknown }).reason)).toEqual([error, error]);
        expect((await inspect(["user", base + 1]))?.state).toBe(state);
      }
    });

    it.each([
      ["too few", (items: readonly number[]) => items.slice(1), "2 results"],
      ["too many", (items: readonly number[]) => [...items, 1], "4 results"],
      ["none", () => undefined, "undefined"],
      ["something else", () => "sent", '"sent"'],
    ])("fails all by %s results, and holds them (P2)", async (_how, fn, got) => {
      const { executeMany, inspect } = setUp();
      const outcomes = await executeMany(numbers(3), byNumber, fn as () => number[]);
      expect(outcomes.map(brief)).toEqual(numbers(3).map(() => "✗ ERR_BATCH_RESULTS, #1"));
      const { reason } = outcomes[0] as { reason: Error };
      expect(reason.message).toBe(`fn: expected one result for each of 3 items, in their order; got ${got}`);
      expect(interruptedInTransit(reason)).toBe(true);
      for (const n of numbers(3)) expect((await inspect(["user", n]))?.state).toBe("uncertain");
    });

    it("gives odd results as they are, and never runs again because of one (P3)", async () => {
      const { executeMany } = setUp();
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      const fn = vi.fn(() => [proxy, undefined, { then: 5 }]);
      const outcomes = await executeMany(numbers(3), byNumber, fn);
      expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
      await executeMany(numbers(3), byNumber, fn);
      expect(fn).toHaveBeenCalledTimes(1);
    });

    it("holds all where its results have a hole: it is no result of its item (P2)", async () => {
      const { executeMany, inspect } = setUp();
      const answers = [{ n: 0 }, { n: 2 }];
      const outcomes = await executeMany(numbers(3), byNumber, () => {
        const results: string[] = [];
        for (const { n } of answers) results[n] = `sent ${n}`;
        return results;
      });
      expect(outcomes.map(brief)).toEqual(numbers(3).map(() => "✗ ERR_BATCH_RESULTS, #1"));
      const { reason } = outcomes[1] as { reason: Error };
      expect(reason.message).toMatch(/each of 3 items, in their order; got 2 results$/);
      expect((await inspect(["user", 1]))?.state).toBe("uncertain");
    });

    it("waits for results that are promises, each its item's own", async () => {
      const { executeMany } = setUp();
      const outcomes = await executeMany(
        numbers(2),
        byNumber,
        () => [Promise.resolve("sent"), Promise.reject(new Error("refused"))] as never,
      );
      expect(outcomes.map(brief)).toEqual(["sent, #1", "✗ refused, #1"]);
    });

    it("waits for a thenable whose then answers nothing", async () => {
      const { executeMany, inspect } = setUp();
      const thenable = (n: number) => ({
        then(done: (value: unknown) => void) {
          done(n);
        },
      });
      const outcomes = await executeMany(numbers(3), byNumber, items => items.map(thenable) as never);
      expect(outcomes.map(brief)).toEqual(["0, #1", "1, #1", "2, #1"]);
      expect((await inspect(["user", 2]))?.state).toBe("completed");
    });

    it("fails by a result whose then throws its own item alone (B1)", async () => {
      const { executeMany, inspect } = setUp();
      const broken = {
        then() {
          throw new Error("broken");
        },
      };
      const outcomes = await executeMany(numbers(3), byNumber, () => ["zero", broken, "two"] as never);
      expect(outcomes.map(brief)).toEqual(["zero, #1", "✗ broken, #1", "two, #1"]);
      const states = await Promise.all(numbers(3).map(async n => (await inspect(["user", n]))?.state));
      expect(states).toEqual(["completed", "released", "completed"]);
    });

    it("fails one item by a promise of an Error in its place, as by the Error", async () => {
      const { executeMany, inspect } = setUp();
      const outcomes = await executeMany(numbers(2), byNumber, items =>
        items.map(async n => (n === 0 ? new Error("refused") : "sent")),
      );
      expect(outcomes.map(brief)).toEqual(["✗ refused, #1", "sent, #1"]);
      expect((await inspect(["user", 0]))?.state).toBe("released");
    });

    it.each([
      [
        "takes its items one by one out of its array",
        (items: number[]) => items.splice(0).map(n => `sent ${n}`),
      ],
      [
        "adds to its array",
        (items: number[]) => {
          const results = items.map(n => `sent ${n}`);
          items.push(7);
          return results;
        },
      ],
    ])("may be one that %s", async (_what, fn) => {
      const { executeMany } = setUp();
      const outcomes = await executeMany(numbers(3), byNumber, items => fn(items as number[]));
      expect(outcomes.map(brief)).toEqual(numbers(3).map(n => `sent ${n}, #1`));
    });

    it("owes a result for each item that it was given, however many it leaves in its array", async () => {
      const { executeMany, inspect } = setUp();
      const outcomes = await executeMany(numbers(2), byNumber, items => {
        (items as number[]).length = 0;
        return [];
      });
      expect(outcomes.map(brief)).toEqual(["✗ ERR_BATCH_RESULTS, #1", "✗ ERR_BATCH_RESULTS, #1"]);
      expect((await inspect(["user", 1]))?.state).toBe("uncertain");
    });

    it("leaves no rejection unhandled where its results are refused, or a key is a promise", async () => {
      const { executeMany } = setUp();
      const fail = async (): Promise<never> => {
        throw new Error("nobody's");
      };
      const unhandled = await unhandledDuring(async () => {
        const few = await executeMany(numbers(3), byNumber, () => [fail(), fail()]);
        expect(few.map(brief)).toEqual(numbers(3).map(() => "✗ ERR_BATCH_RESULTS, #1"));
        const { fn } = sender<number>();
        for (const config of [
          { ...byNumber, fingerprint: fail },
          { ...byNumber, key: fail },
          { ...byNumber, key: () => ["user", fail()] },
        ])
          expect((await executeMany([5], config as never, fn)).map(brief)[0]).toMatch(/INVALID_/);
        expect(fn).not.toHaveBeenCalled();
      });
      expect(unhandled).toEqual([]);
    });

    it("holds all by results that cannot be read (P2)", async () => {
      const { executeMany, inspect } = setUp();
      const results = Object.defineProperty(["sent", "sent"], 1, {
        get() {
          throw new Error("hostile");
        },
      });
      const outcomes = await executeMany(numbers(2), byNumber, () => results);
      expect(outcomes.map(brief)).toEqual(["✗ ERR_BATCH_RESULTS, #1", "✗ ERR_BATCH_RESULTS, #1"]);
      expect((outcomes[0] as { reason: unknown }).reason).toMatchObject({
        message: expect.stringMatching(/; got one that cannot be read$/),
        cause: new Error("hostile"),
      });
      expect((await inspect(["user", 0]))?.state).toBe("uncertain");
    });

    it("says by its results what onResult gets, and what the outcomes are of", async () => {
      const { executeMany } = setUp();
      const send = (n: number) => ({ error: n === 0 ? "refused" : null, id: n });
      const outcomes = await executeMany(
        numbers(2),
        { ...byNumber, onResult: ({ error }) => (error ? "release" : "complete") },
        async items => items.map(n => send(n)),
      );
      expectTypeOf(outcomes).toEqualTypeOf<ItemOutcome<ReturnType<typeof send>>[]>();
      expect(outcomes).toMatchObject([{ persisted: false }, { persisted: true }]);
    });

    it("gives results that onResult decides of, item by item", async () => {
      const { executeMany, inspect } = setUp();
      const onResult = (n: number) => (n === 0 ? "release" : n === 1 ? "hold" : "complete");
      const outcomes = await executeMany(numbers(3), { ...byNumber, onResult }, items => items);
      expect(outcomes.map(brief)).toEqual(["0, not persisted, #1", "1, not persisted, #1", "2, #1"]);
      const states = await Promise.all(numbers(3).map(async n => (await inspect(["user", n]))?.state));
      expect(states).toEqual(["released", "uncertain", "completed"]);
    });
  });

  describe("B3: keys", () => {
    it("that stand twice run once, and share the outcome", async () => {
      const { executeMany } = setUp();
      const { fn, batches } = sender<number>();
      const outcomes = await executeMany([1, 2, 1, 1], { ...byNumber, batchSize: 3 }, fn);
      expect(outcomes.map(brief)).toEqual([
        "sent 1, #1",
        "sent 2, #1",
        "sent 1, replayed, #1",
        "sent 1, replayed, #1",
      ]);
      expect(batches).toEqual([[1, 2]]);
    });

    it("that stand twice share a failure, too", async () => {
      const { executeMany } = setUp();
      const fn = vi.fn(() => [new Error("refused")]);
      const outcomes = await executeMany([1, 1], byNumber, fn);
      expect(outcomes.map(brief)).toEqual(["✗ refused, #1", "✗ refused, replayed, #1"]);
      expect(fn).toHaveBeenCalledTimes(1);
    });

    it("that stand twice share a run however long it takes, and whatever onConflict says", async () => {
      const { executeMany } = setUp({ onConflict: "reject", waitTimeout: "1s" });
      const open = deferred<string[]>();
      const outcomes = executeMany([1, 1], byNumber, () => open.promise);
      await pass(600_000);
      open.resolve(["sent"]);
      expect((await outcomes).map(brief)).toEqual(["sent, #1", "sent, replayed, #1"]);
    });

    it("that stand twice share a failure that is an error of this package, too", async () => {
      const { executeMany, withIdempotency } = setUp();
      const outcomes = await executeMany([1, 1], byNumber, async () => {
        await withIdempotency(["user", 1], "1h", () => 1, { onConflict: "reject" });
        return [1];
      });
      expect(outcomes.map(brief)).toEqual(["✗ IN_PROGRESS, #1", "✗ IN_PROGRESS, replayed, #1"]);
    });

    it("that stand twice share the run that one of them leads after another's", async () => {
      const { executeMany, withIdempotency } = setUp({ waitTimeout: "1s" });
      const controller = new AbortController();
      const single = rejection(
        withIdempotency(
          ["user", 1],
          "1h",
          ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject("left"))),
          { signal: controller.signal, onError: () => "release" },
        ),
      );
      await turn();
      const open = deferred<string[]>();
      const outcomes = executeMany([1, 1], byNumber, () => open.promise);
      await turn();
      controller.abort();
      await single;
      await pass(5_000);
      open.resolve(["sent"]);
      expect((await outcomes).map(brief)).toEqual(["sent, #2", "sent, replayed, #2"]);
    });

    it("that stand twice with another fingerprint are reused", async () => {
      const { executeMany } = setUp();
      const fn = vi.fn((items: readonly { id: number; text: string }[]) => items.map(({ text }) => text));
      const outcomes = await executeMany(
        [
          { id: 1, text: "one" },
          { id: 1, text: "two" },
          { id: 1, text: "one" },
        ],
        { key: ({ id }) => ["user", id], ttl: "1h", fingerprint: ({ text }) => text },
        fn,
      );
      expect(outcomes.map(brief)).toEqual(["one, #1", "✗ KEY_REUSED, #0", "one, replayed, #1"]);
      expect(fn).toHaveBeenCalledTimes(1);
    });

    it("that a single call of this process runs are shared, and those that can run do not wait", async () => {
      const { executeMany, withIdempotency } = setUp();
      const single = deferred();
      const running = withIdempotency(["user", 1], "1h", () => single.promise);
      await turn();
      const { fn, batches } = sender<number>();
      const outcomes = executeMany(numbers(3), byNumber, fn);
      await turn();
      expect(batches).toEqual([[0, 2]]);
      single.resolve("by the single call");
      expect((await outcomes).map(brief)).toEqual([
        "sent 0, #1",
        "by the single call, replayed, #1",
        "sent 2, #1",
      ]);
      await running;
    });

    it("that run here are shared by a single call", async () => {
      const { executeMany, execute } = setUp();
      const open = deferred<string[]>();
      const outcomes = executeMany([1, 2], byNumber, () => open.promise);
      await turn();
      const single = execute(["user", 2], "1h", () => "never");
      await turn();
      open.resolve(["one", "two"]);
      expect(await single).toMatchObject({ value: "two", replayed: true });
      await outcomes;
    });

    it("that are uncertain say so, or run again", async () => {
      const { store, executeMany, withIdempotency } = setUp();
      await rejection(withIdempotency(["user", 1], "1h", () => Promise.reject(cut())));
      const { fn, batches, executions } = sender<number>();
      expect((await executeMany([0, 1], byNumber, fn)).map(brief)).toEqual([
        "sent 0, #1",
        "✗ OUTCOME_UNKNOWN, #1",
      ]);
      const rerun = await executeMany([0, 1], { ...byNumber, store, onUncertain: "rerun" }, fn);
      expect(rerun.map(brief)).toEqual(["sent 0, replayed, #1", "sent 1, #2"]);
      expect(batches).toEqual([[0], [1]]);
      expect(executions[1]?.attempts).toEqual([2]);
    });
  });

  it("B5: gives a batch a key of its own, the same when it is tried again", async () => {
    const { executeMany, execute } = setUp();
    const { fn, executions } = sender<number>(() => new Error("try again"));
    await executeMany([1, 2], byNumber, fn);
    await executeMany([1, 2], byNumber, fn);
    await executeMany([2, 1], byNumber, fn);
    await executeMany([1], byNumber, fn);
    const [first, second, turned, one] = executions.map(({ idempotencyKey }) => idempotencyKey);
    expect(first).toMatch(/^[\w-]{43}$/);
    expect(second).toBe(first);
    expect(new Set([first, turned, one]).size).toBe(3);
    expect(executions[1]?.idempotencyUuid).toBe(executions[0]?.idempotencyUuid);
    expect(executions[0]?.idempotencyUuid).toMatch(
      /^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
    );
    // Those of the items are what a single call has.
    const single = await execute(["user", 1], "1h", ({ idempotencyKey }) => idempotencyKey);
    expect(executions[3]?.idempotencyKeys).toEqual([single.value]);
    expect(executions[2]?.idempotencyKeys[1]).toBe(single.value);
  });

  it("events are those of single calls, each with its key", async () => {
    const heard = recorder();
    const { executeMany } = setUp({ onEvent: heard.onEvent });
    await executeMany([1, 2, 1], byNumber, items => items.map(n => (n === 2 ? new Error("no") : n)));
    const of = (key: string) => heard.events.filter(event => event.key === key).map(({ type }) => type);
    expect(of("user:1").sort()).toEqual(["claimed", "completed", "joined", "replayed"]);
    expect(of("user:2")).toEqual(["claimed", "failed"]);
  });

  it("runs in the context of its caller, and so does what renews", async () => {
    const storage = new AsyncLocalStorage<string>();
    const { executeMany } = setUp({ lease: "1s" });
    const seen: unknown[] = [];
    const open = deferred<string[]>();
    const outcomes = storage.run("campaign", () =>
      executeMany(
        [1],
        { ...byNumber, onEvent: () => void seen.push(storage.getStore()) },
        () => open.promise,
      ),
    );
    await pass(2_000);
    open.resolve(["sent"]);
    await outcomes;
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(new Set(seen)).toEqual(new Set(["campaign"]));
  });
});

describe("B1: bad arguments reject, and nothing is claimed", () => {
  const store = faultyStore(memoryStore());
  const { executeMany } = createIdempotency({ store });
  const fn = () => [];

  it.each([
    ["items", () => executeMany(5 as never, byNumber, fn), /^items: expected an array, or another iterable/],
    ["text as items", () => executeMany("abc" as never, byNumber as never, fn), /^items: /],
    ["no items", () => executeMany(undefined as never, byNumber, fn), /^items: /],
    [
      "no config",
      () => executeMany([1], undefined as never, fn),
      /^config: expected a plain object with key and ttl/,
    ],
    [
      "a promise of a config",
      () => executeMany([1], Promise.resolve(byNumber) as never, fn),
      /^config: expected a plain object with key and ttl; got a promise$/,
    ],
    ["no key", () => executeMany([1], { ttl: "1h" } as never, fn), /^key: expected a function/],
    [
      "a batchSize of 0",
      () => executeMany([1], { ...byNumber, batchSize: 0 }, fn),
      /^batchSize: expected a whole/,
    ],
    [
      "a large batchSize",
      () => executeMany([1], { ...byNumber, batchSize: 1_001 }, fn),
      /^batchSize: .* 1 to 1000/,
    ],
    [
      "a batchSize of text",
      () => executeMany([1], { ...byNumber, batchSize: "5" as never }, fn),
      /^batchSize: /,
    ],
    [
      "a bad fingerprint",
      () => executeMany([1], { ...byNumber, fingerprint: 1 as never }, fn),
      /^fingerprint: /,
    ],
    ["no fn", () => executeMany([1], byNumber, undefined as never), /^fn: expected a function/],
    [
      "an unknown option",
      () => executeMany([1], { ...byNumber, retries: 3 } as never, fn),
      /^options: expected one of/,
    ],
    ["a bad option", () => executeMany([1], { ...byNumber, lease: "1ms" as never }, fn), /^lease: /],
  ])("%s", async (_what, act, message) => {
    const error = await rejection(act());
    expect(isIdempotencyError(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect(await rejection((async () => void (await act()[Symbol.asyncIterator]().next()))())).toMatchObject({
      message: (error as Error).message,
    });
    expect(store.calls).toEqual([]);
  });

  it("a bad ttl", async () => {
    expect(await rejection(executeMany([1], { ...byNumber, ttl: "2 days" }, fn))).toMatchObject({
      code: "DURATION_OUT_OF_RANGE",
    });
  });
});

describe("B4: leases of a batch", () => {
  it("are renewed together, as long as fn runs", async () => {
    const store = faultyStore(memoryStore());
    const { executeMany } = createIdempotency({ store, lease: "4s" });
    const open = deferred<string[]>();
    const outcomes = executeMany(numbers(3), byNumber, () => open.promise);
    await pass(10_500);
    open.resolve(["a", "b", "c"]);
    await outcomes;
    const renewals = store.calls.filter(({ operation }) => /^renew/.test(operation));
    expect(renewals.length).toBeGreaterThanOrEqual(9);
    expect(new Set(renewals.map(({ operation }) => operation))).toEqual(new Set(["renewMany"]));
    expect(renewals.every(({ args }) => (args[1] as unknown[]).length === 3)).toBe(true);
  });

  it("are kept of an item, too, whose claim is answered when those of its batch are being renewed", async () => {
    const faulty = faultyStore(memoryStore(), [{ operation: "claim", nth: 2, kind: "delay-reply", by: 700 }]);
    const store = oneByOne(faulty);
    const { executeMany } = createIdempotency({ store, lease: "4s" });
    const open = deferred<string[]>();
    const batches: (readonly number[])[] = [];
    const outcomes = executeMany(numbers(2), byNumber, items => {
      batches.push(items);
      return open.promise;
    });
    await pass(9_500);
    const renewed = store.calls
      .filter(({ operation }) => operation === "renew")
      .map(({ args: [key] }) => key);
    expect(batches).toEqual([[0], [1]]);
    for (const key of ["user:0", "user:1"])
      expect(renewed.filter(each => each === key).length).toBeGreaterThan(5);
    open.resolve(["sent"]);
    expect((await outcomes).map(brief)).toEqual(["sent, #1", "sent, #1"]);
  });

  it("are renewed at once of an item whose claim was answered late", async () => {
    const memory = memoryStore();
    const store = faultyStore(memory, [{ operation: "claimMany", kind: "delay-reply", by: 930 }]);
    const { executeMany } = createIdempotency({ store, lease: "1s" });
    const open = deferred<string[]>();
    const outcomes = executeMany(numbers(2), byNumber, () => open.promise);
    for (let ms = 0; ms < 2_000; ms += 10) {
      await pass(10);
      expect((memory.read("user:1") as { status: string }).status).toBe("in-progress");
    }
    open.resolve(["sent", "sent"]);
    expect((await outcomes).map(brief)).toEqual(["sent, #1", "sent, #1"]);
  });

  it("are lost at their end where renewals wait for others, one by one, for longer", async () => {
    const faulty = faultyStore(memoryStore(), [{ operation: "renew", kind: "hang", ...FOREVER }]);
    const { executeMany } = createIdempotency({ store: oneByOne(faulty), lease: "30s" });
    const open = deferred<string[]>();
    let signal: AbortSignal | undefined;
    const outcomes = executeMany(numbers(500), byNumber, (_items, execution) => {
      signal = execution.signal;
      return open.promise;
    });
    await pass(29_900);
    expect(signal?.aborted).toBe(false);
    await pass(200);
    expect(signal?.reason).toMatchObject({ code: "LEASE_LOST" });
    faulty.restore();
    open.resolve(numbers(500).map(n => `sent ${n}`));
    expect((await outcomes).map(brief)).toEqual(numbers(500).map(n => `sent ${n}, #1`));
  });

  it("are kept of a batch whose caller has left, until it ends", async () => {
    const store = faultyStore(memoryStore());
    const { executeMany, inspect } = createIdempotency({ store, lease: "4s" });
    const open = deferred<string[]>();
    const controller = new AbortController();
    const outcomes = executeMany(numbers(2), { ...byNumber, signal: controller.signal }, () => open.promise);
    await turn();
    controller.abort("stopped");
    await outcomes;
    await pass(9_000);
    expect((await inspect(["user", 1]))?.state).toBe("in-progress");
    open.resolve(["sent", "sent"]);
    await pass(100);
    expect((await inspect(["user", 1]))?.state).toBe("completed");
  });

  it("that are lost are that item's alone, and signal aborts with the last", async () => {
    const memory = memoryStore();
    const { executeMany, inspect } = createIdempotency({ store: faultyStore(memory), lease: "4s" });
    const open = deferred<string[]>();
    let signal: AbortSignal | undefined;
    const outcomes = executeMany(numbers(2), byNumber, (_items, execution) => {
      signal = execution.signal;
      return open.promise;
    });
    await turn();
    await memory.forget("user:0");
    await pass(1_100);
    expect(signal?.aborted).toBe(false);
    open.resolve(["zero", "one"]);
    expect((await outcomes).map(brief)).toEqual(["zero, not persisted, #1", "one, #1"]);
    expect((await inspect(["user", 1]))?.state).toBe("completed");
  });

  it("that are all lost abort signal with why", async () => {
    const memory = memoryStore();
    const { executeMany } = createIdempotency({ store: faultyStore(memory), lease: "4s" });
    const open = deferred<string[]>();
    const aborted: unknown[] = [];
    const outcomes = executeMany(numbers(2), byNumber, (_items, { signal }) => {
      signal.addEventListener("abort", () => aborted.push(signal.reason));
      return open.promise;
    });
    await turn();
    await memory.forget("user:0");
    await memory.forget("user:1");
    await pass(1_100);
    expect(aborted).toMatchObject([{ code: "LEASE_LOST" }]);
    open.resolve(["zero", "one"]);
    expect((await outcomes).map(brief)).toEqual(["zero, not persisted, #1", "one, not persisted, #1"]);
  });

  it("end with the caller's signal, which aborts that of the batch", async () => {
    const controller = new AbortController();
    const { executeMany, inspect } = createIdempotency({ store: memoryStore() });
    let signal: AbortSignal | undefined;
    const outcomes = executeMany([1], { ...byNumber, signal: controller.signal }, (_items, execution) => {
      ({ signal } = execution);
      return new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal?.reason));
      });
    });
    await turn();
    controller.abort("stopped");
    expect((await outcomes).map(brief)).toEqual(["✗ stopped, #1"]);
    expect(signal?.reason).toBe("stopped");
    await turn();
    // Whatever fn throws after that holds (P2).
    expect((await inspect(["user", 1]))?.state).toBe("uncertain");
  });
});

describe("P1: a claim that is not one's own any more when its batch begins", () => {
  it("does not run, and is released", async () => {
    const memory = memoryStore();
    const slow = gate();
    const store = oneByOne(
      faultyStore(memory, [{ operation: "claim", nth: 2, kind: "delay-reply", by: slow }]),
    );
    const { executeMany, inspect } = createIdempotency({ store, lease: "1s", storeTimeout: "1h" });
    const { fn, sent } = sender<number>();
    const outcomes = executeMany(numbers(2), byNumber, fn);
    await turn();
    // Suspended between claim and fn: the clocks go on, and no timer rings.
    vi.setSystemTime(Date.now() + 5_000);
    slow.open();
    const [first] = await outcomes;
    expect(brief(first as ItemOutcome<string>)).toBe("✗ LEASE_LOST, #1");
    expect((first as { reason: unknown }).reason).toMatchObject({
      key: "user:0",
      message: "The lease on the key is lost: its batch began too late.",
    });
    expect(sent()).not.toContain(0);
    expect((await inspect(["user", 0]))?.state).toBe("released");
  });
});
