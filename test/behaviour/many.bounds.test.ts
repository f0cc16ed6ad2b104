import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type ManyConfig, memoryStore } from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";
import { deferred, pass, rejection, stateOf, turn } from "../support/calls.ts";
import { brief, numbers, STORES, sender } from "../support/many.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const byNumber: ManyConfig<number> = { key: n => ["user", n], ttl: "1h" };

/** Numbers without an end, and how many were asked for. */
function endless() {
  const counter = { pulled: 0, ended: false };
  function* items() {
    try {
      for (;;) yield counter.pulled++;
    } finally {
      counter.ended = true;
    }
  }
  return { counter, items: items() };
}

async function* later<I>(items: Iterable<I>) {
  yield* items;
}

/** A store whose keys from the first to the last somebody else holds. */
function heldBy(someone: string, first: number, last: number) {
  const memory = memoryStore();
  for (let n = first; n <= last; n++) {
    memory.claim(`user:${n}`, { token: someone, ttlMs: 3_600_000, leaseMs: 3_600_000 });
  }
  return memory;
}

describe.each(STORES)("B7: on %s", (_name, makeStore) => {
  const setUp = (memory = memoryStore()) => createIdempotency({ store: makeStore(memory) });

  it("an async iterable gives its outcomes in order, as they come", async () => {
    const { executeMany } = setUp();
    const { fn, batches } = sender<number>();
    const read: string[] = [];
    for await (const outcome of executeMany(later(numbers(7)), { ...byNumber, batchSize: 3 }, fn)) {
      read.push(brief(outcome));
    }
    expect(read).toEqual(numbers(7).map(n => `sent ${n}, #1`));
    expect(batches.flat()).toEqual(numbers(7));
  });

  it("at most two batches run at the same time", async () => {
    const { executeMany } = setUp();
    const open = numbers(5).map(() => deferred<string[]>());
    let running = 0;
    let begun = 0;
    let most = 0;
    const outcomes = executeMany(numbers(5), { ...byNumber, batchSize: 1 }, async () => {
      most = Math.max(most, ++running);
      const [result] = await open[begun++]!.promise;
      running -= 1;
      return [result as string];
    });
    for (const { resolve } of open) {
      await turn();
      resolve(["sent"]);
    }
    expect((await outcomes).map(brief)).toEqual(numbers(5).map(() => "sent, #1"));
    expect(most).toBe(2);
  });

  it("who leaves the loop ends the pulling, and what runs goes on to its end", async () => {
    const { executeMany, inspect } = setUp();
    const { counter, items } = endless();
    const open = deferred<void>();
    const config = { ...byNumber, batchSize: 2 };
    const outcomes = executeMany(items, config, async batch => {
      if (batch.includes(2)) await open.promise;
      return batch;
    });
    for await (const { key } of outcomes) if (key === "user:1") break;
    await turn();
    const { pulled } = counter;
    expect(counter.ended).toBe(true);
    open.resolve();
    await turn();
    expect(counter.pulled).toBe(pulled);
    expect((await inspect(["user", 2]))?.state).toBe("completed");
  });

  it("at most 1,000 items wait for another's run, beside which nothing is pulled", async () => {
    const { executeMany } = setUp(heldBy("another", 0, 5_000));
    const { counter, items } = endless();
    const { fn } = sender<number>();
    const reader = executeMany(items, { ...byNumber, waitTimeout: "1h" }, fn)[Symbol.asyncIterator]();
    void reader.next();
    await pass(20);
    expect(counter.pulled).toBe(1_000);
    expect(fn).not.toHaveBeenCalled();
    void reader.return?.();
  });

  it("those that wait hold up nobody, and run when they can, together", async () => {
    const memory = heldBy("another", 0, 9);
    const { executeMany } = setUp(memory);
    const { fn, batches } = sender<number>();
    const outcomes = executeMany(numbers(20), byNumber, fn);
    await pass(50);
    expect(batches).toEqual([numbers(20).slice(10)]);
    for (let n = 0; n < 10; n++) memory.release(`user:${n}`, "another");
    expect((await Promise.all([outcomes, pass(2_000)]))[0].map(brief)).toEqual(
      numbers(20).map(n => `sent ${n}, #${n < 10 ? 2 : 1}`),
    );
    expect(batches.slice(1).flat().sort()).toEqual(numbers(10));
  });

  it("at most 10,000 outcomes wait for their turn", async () => {
    const { executeMany } = setUp(heldBy("another", 0, 0));
    const { counter, items } = endless();
    const { fn } = sender<number>();
    const reader = executeMany(items, { ...byNumber, waitTimeout: "1h" }, fn)[Symbol.asyncIterator]();
    void reader.next();
    await pass(1_000);
    expect(counter.pulled).toBe(10_000);
    void reader.return?.();
  });

  it("at most 10,000 outcomes wait for a slow reader, and reading brings on more", async () => {
    const { executeMany } = setUp();
    const { counter, items } = endless();
    const { fn } = sender<number>();
    const reader = executeMany(items, byNumber, fn)[Symbol.asyncIterator]();
    await reader.next();
    await pass(1_000);
    expect(counter.pulled).toBe(10_000);
    for (let n = 0; n < 500; n++) await reader.next();
    await pass(1_000);
    expect(counter.pulled).toBe(10_500);
    await reader.return?.();
  });

  it("no more than 10,000 begin until somebody awaits all", async () => {
    const { executeMany } = setUp();
    const { fn, sent } = sender<number>();
    const outcomes = executeMany(numbers(10_600), byNumber, fn);
    await pass(1_000);
    expect(sent()).toHaveLength(10_000);
    expect(await outcomes).toHaveLength(10_600);
  });

  it("items that have come do not wait long for others", async () => {
    const { executeMany } = setUp();
    const { fn, batches } = sender<number>();
    const never = deferred<number>();
    const outcomes = executeMany(
      (async function* () {
        yield 0;
        yield 1;
        yield await never.promise;
      })(),
      byNumber,
      fn,
    );
    await turn();
    expect(batches).toEqual([]);
    await pass(25);
    expect(batches).toEqual([[0, 1]]);
    never.resolve(2);
    expect(await outcomes).toHaveLength(3);
  });

  it.each([
    [
      "an iterable",
      function* () {
        yield 0;
        yield 1;
        throw new Error("file cut short");
      },
    ],
    [
      "an async iterable",
      async function* () {
        yield 0;
        yield 1;
        throw new Error("file cut short");
      },
    ],
  ])("the failure of %s comes after what came before it", async (_what, items) => {
    const { executeMany, inspect } = setUp();
    const { fn } = sender<number>();
    expect(await rejection(executeMany(items(), byNumber, fn))).toMatchObject({ message: "file cut short" });
    expect((await inspect(["user", 1]))?.state).toBe("completed");
    const read: string[] = [];
    const reading = (async () => {
      for await (const outcome of executeMany(items(), byNumber, fn)) read.push(brief(outcome));
    })();
    expect(await rejection(reading)).toMatchObject({ message: "file cut short" });
    expect(read).toEqual(["sent 0, replayed, #1", "sent 1, replayed, #1"]);
  });

  it.each([
    ["an iterator", Symbol.iterator],
    ["an async iterator", Symbol.asyncIterator],
  ])(
    "%s that gives nothing instead of a result fails, and is not taken for one that ended",
    async (_, kind) => {
      const { executeMany } = setUp();
      const { fn, sent } = sender<number>();
      let asked = 0;
      const items = {
        [kind]: () => ({ next: () => (asked++ === 0 ? { done: false, value: 0 } : undefined) }),
      } as unknown as Iterable<number>;
      expect(await rejection(executeMany(items, byNumber, fn))).toMatchObject({
        code: "INVALID_OPTION",
        message: "items: expected an iterator that gives { done, value }; got undefined",
      });
      expect(sent()).toEqual([0]);
    },
  );

  it.each([
    ["an iterable", () => endless().items],
    ["an async iterable", () => later(endless().items)],
    [
      "an async iterable that gives nothing",
      () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }),
    ],
  ])("an abort ends what %s gives, and says that it was cut short", async (_what, items) => {
    const { executeMany } = setUp();
    const controller = new AbortController();
    const open = deferred<never>();
    const config = { ...byNumber, batchSize: 10, signal: controller.signal };
    const outcomes = executeMany(items() as AsyncIterable<number>, config, () => open.promise);
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const outcome of outcomes) read.push(outcome.status);
    })();
    await Promise.all([
      expect(reading).rejects.toBe("stopped"),
      pass(100).then(() => controller.abort("stopped")),
    ]);
    expect(read.length).toBeLessThanOrEqual(30);
    expect(new Set(read).size).toBeLessThanOrEqual(1);
    expect(read).not.toContain("fulfilled");
  });

  it("an iterable that is aborted before is closed, and nothing of it is asked for", async () => {
    const { executeMany } = setUp();
    const { counter, items } = endless();
    const signal = AbortSignal.abort("too late");
    await expect(executeMany(items, { ...byNumber, signal }, sender<number>().fn)).rejects.toBe("too late");
    expect(counter.pulled).toBe(0);
  });

  it("two batches run also when others take the room while items are awaited", async () => {
    const memory = heldBy("another", 0, 1);
    const { executeMany } = setUp(memory);
    const more = deferred<void>();
    let running = 0;
    let most = 0;
    const open = deferred<void>();
    const outcomes = executeMany(
      (async function* () {
        yield* [0, 1];
        await more.promise;
        yield* [2, 3];
      })(),
      { ...byNumber, batchSize: 1 },
      async batch => {
        most = Math.max(most, ++running);
        await open.promise;
        running -= 1;
        return batch;
      },
    );
    await pass(50);
    memory.release("user:0", "another");
    memory.release("user:1", "another");
    await pass(1_000);
    more.resolve();
    await pass(1_000);
    open.resolve();
    expect((await Promise.all([outcomes, pass(1_000)]))[0]).toHaveLength(4);
    expect(most).toBe(2);
  });

  it("an abort while items wait for room leaves none without an outcome", async () => {
    const memory = heldBy("another", 0, 1);
    const { executeMany } = setUp(memory);
    const controller = new AbortController();
    const config = { ...byNumber, batchSize: 1, signal: controller.signal };
    const outcomes = executeMany(numbers(20), config, () => new Promise<never>(() => {}));
    await pass(50);
    memory.release("user:0", "another");
    memory.release("user:1", "another");
    await pass(1_000);
    controller.abort("stopped");
    const [ended] = await Promise.all([outcomes, pass(1_000)]);
    expect(ended).toHaveLength(20);
    expect(ended.every(({ status }) => status === "rejected")).toBe(true);
  });
});

describe("B7: what is given", () => {
  const { executeMany } = createIdempotency({ store: faultyStore(memoryStore()) });
  const config: ManyConfig<number> = { key: n => [expect.getState().currentTestName ?? "", n], ttl: "1h" };
  const same = (items: readonly number[]) => items;

  it("is a promise, of which others are made", async () => {
    const outcomes = executeMany([1, 2], config, same);
    expect(outcomes).toBeInstanceOf(Promise);
    expect(await Promise.all([outcomes, outcomes.then(all => all.length)])).toMatchObject([{ length: 2 }, 2]);
    let isOver = false;
    await outcomes.finally(() => {
      isOver = true;
    });
    expect(isOver).toBe(true);
  });

  it("begins its work at once", async () => {
    const fn = vi.fn(same);
    executeMany([1], config, fn);
    await turn();
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("keeps none of what was read, and rejects who awaits it then", async () => {
    const outcomes = executeMany(numbers(3), config, same);
    const reader = outcomes[Symbol.asyncIterator]();
    expect(await reader.next()).toMatchObject({ done: false, value: { value: 0 } });
    const error = await rejection(outcomes);
    expect(error).toMatchObject({ code: "INVALID_OPTION" });
    expect((error as Error).message).toMatch(/awaited or read one by one; got both/);
    expect(await reader.next()).toMatchObject({ value: { value: 1 } });
  });

  it("rejects who awaited it before somebody read it", async () => {
    const outcomes = executeMany(numbers(3), config, same);
    const awaited = rejection(outcomes);
    const read: unknown[] = [];
    for await (const { key } of outcomes) read.push(key);
    expect(read).toHaveLength(3);
    expect(await awaited).toMatchObject({ code: "INVALID_OPTION" });
  });

  it("has one reading, which goes on where another left it", async () => {
    const outcomes = executeMany(numbers(3), config, same);
    const [one, two] = [outcomes[Symbol.asyncIterator](), outcomes[Symbol.asyncIterator]()];
    await one.next();
    expect(await two.next()).toMatchObject({ value: { value: 1 } });
    await two.return?.();
    expect(await one.next()).toMatchObject({ done: true });
  });

  it("learns of a reader that leaves before it has begun, or while it waits", async () => {
    const { counter, items } = endless();
    const before = executeMany(items, config, same)[Symbol.asyncIterator]();
    await before.return?.();
    await turn();
    expect(counter.ended || counter.pulled <= 500).toBe(true);
    const waiting = executeMany([1], config, () => new Promise<never>(() => {}))[Symbol.asyncIterator]();
    const next = waiting.next();
    await waiting.return?.();
    expect(await next).toMatchObject({ done: true });
  });

  it("may be read when all has been done", async () => {
    const outcomes = executeMany(numbers(2), config, same);
    await turn();
    const read: unknown[] = [];
    for await (const outcome of outcomes) read.push(outcome.status);
    expect(read).toEqual(["fulfilled", "fulfilled"]);
  });

  it("is pending for as long as its items are", async () => {
    const open = deferred<number[]>();
    const outcomes = executeMany([1], config, () => open.promise);
    expect(await stateOf(outcomes)).toBe("pending");
    open.resolve([1]);
    expect(await stateOf(outcomes)).toBe("fulfilled");
  });
});
