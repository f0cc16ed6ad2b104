import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type IdempotencyStore, type ManyConfig, memoryStore } from "../../src/index.ts";
import { type Fault, faultyStore } from "../../src/testing.ts";
import { deferred, pass, processes, stateOf, turn } from "../support/calls.ts";
import { FOREVER } from "../support/faults.ts";
import { brief, numbers, oneByOne, sender } from "../support/many.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const byNumber: ManyConfig<number> = { key: n => ["user", n], ttl: "1h" };

function setUp(plan: Fault[] = [], options = {}) {
  const memory = memoryStore();
  const store = faultyStore(memory, plan);
  return { memory, store, ...createIdempotency({ store, ...options }) };
}

/** Waits for all outcomes while time goes on. */
async function during<T>(outcomes: PromiseLike<T>, ms: number): Promise<T> {
  return (await Promise.all([outcomes, pass(ms)]))[0];
}

describe("a batch's claims", () => {
  it("are made together, and its completions too", async () => {
    const { store, executeMany } = setUp();
    await executeMany(numbers(700), byNumber, sender<number>().fn);
    expect(store.calls.map(({ operation, args }) => [operation, (args[1] as unknown[]).length])).toEqual([
      ["claimMany", 500],
      ["claimMany", 200],
      ["completeMany", 500],
      ["completeMany", 200],
    ]);
  });

  it("whose reply was lost are repeated with their tokens, and run once (S2)", async () => {
    const { store, executeMany } = setUp([{ operation: "claimMany", kind: "lose-reply" }]);
    const { fn, batches } = sender<number>();
    const outcomes = await executeMany(numbers(3), byNumber, fn);
    expect(outcomes.map(brief)).toEqual(numbers(3).map(n => `sent ${n}, #1`));
    expect(batches).toEqual([[0, 1, 2]]);
    const tokens = store.calls.slice(0, 2).map(({ args }) => JSON.stringify(args));
    expect(tokens[0]).toBe(tokens[1]);
  });

  it.each([
    ["fail", { operation: "claimMany", kind: "fail", ...FOREVER }],
    ["are answered with too few", { operation: "claimMany", kind: "answer", value: [], ...FOREVER }],
    [
      "are answered with what cannot be read",
      {
        operation: "claimMany",
        kind: "answer",
        value: Object.defineProperty([1, 2, 3], 1, {
          get() {
            throw new Error("unreadable");
          },
        }),
        ...FOREVER,
      },
    ],
    ["are answered with nothing", { operation: "claimMany", kind: "answer", value: undefined, ...FOREVER }],
    ["are answered with nonsense", { operation: "claimMany", kind: "answer", value: [1, 2, 3], ...FOREVER }],
  ] satisfies [string, Fault][])("that %s are each item's STORE_ERROR", async (_how, fault) => {
    const { executeMany } = setUp([fault]);
    const { fn } = sender();
    const outcomes = await executeMany(numbers(3), byNumber, fn);
    expect(outcomes.map(brief)).toEqual(numbers(3).map(() => "✗ STORE_ERROR, #0"));
    expect(fn).not.toHaveBeenCalled();
  });

  it("that fail for one item are repeated for that one, and cost no other", async () => {
    const memory = memoryStore();
    const store: IdempotencyStore = {
      ...faultyStore(memory),
      claimMany: items =>
        items.map(({ key, request }) =>
          key === "user:1" ? new Error("locked") : memory.claim(key, request),
        ) as never,
      claim: (key, request) =>
        request.token.length > 0 && key === "user:1" ? memory.claim(key, request) : Promise.reject(key),
    };
    const { fn, sent } = sender<number>();
    const outcomes = await createIdempotency({ store }).executeMany(numbers(3), byNumber, fn);
    expect(outcomes.map(brief)).toEqual(numbers(3).map(n => `sent ${n}, #1`));
    expect(sent().sort()).toEqual([0, 1, 2]);
  });

  it("of which one takes long hold up no other, and that one runs when it has its key", async () => {
    const memory = memoryStore();
    const slow = deferred<void>();
    const store: IdempotencyStore = {
      ...oneByOne(faultyStore(memory)),
      async claim(key, request) {
        if (key === "user:1") await slow.promise;
        return memory.claim(key, request);
      },
    };
    const { fn, batches } = sender<number>();
    const outcomes = createIdempotency({ store }).executeMany(numbers(3), byNumber, fn);
    await pass(90);
    expect(batches).toEqual([]);
    await pass(20);
    expect(batches).toEqual([[0, 2]]);
    slow.resolve();
    await outcomes;
    expect(batches).toEqual([[0, 2], [1]]);
  });

  it("that are answered in another order come to fn in the items' own (B2)", async () => {
    const memory = memoryStore();
    const store: IdempotencyStore = {
      ...oneByOne(faultyStore(memory)),
      async claim(key, request) {
        await new Promise(resolve => setTimeout(resolve, 50 - Number(key.slice(5)) * 10));
        return memory.claim(key, request);
      },
    };
    const { fn, batches } = sender<number>();
    const outcomes = await during(createIdempotency({ store }).executeMany(numbers(4), byNumber, fn), 60);
    expect(batches).toEqual([[0, 1, 2, 3]]);
    expect(outcomes.map(brief)).toEqual(numbers(4).map(n => `sent ${n}, #1`));
  });

  it("that are never answered end with storeTimeout, and are released when they land", async () => {
    const { store, memory, executeMany } = setUp(
      [{ operation: "claimMany", kind: "hang", applied: true, ...FOREVER }],
      {
        storeTimeout: "1s",
      },
    );
    const { fn } = sender();
    const outcomes = await during(executeMany(numbers(2), byNumber, fn), 1_500);
    expect(outcomes.map(brief)).toEqual(["✗ STORE_ERROR, #0", "✗ STORE_ERROR, #0"]);
    store.restore();
    await pass(5_000);
    expect(memory.read("user:0")).toMatchObject({ status: "released" });
    expect(fn).not.toHaveBeenCalled();
  });

  it("that cannot be made run unprotected with onStoreError", async () => {
    const { executeMany } = setUp([{ operation: "claimMany", kind: "fail", ...FOREVER }], {
      onStoreError: "run",
    });
    const { fn, batches } = sender<number>();
    const outcomes = await executeMany(numbers(2), byNumber, fn);
    expect(outcomes.map(brief)).toEqual(["sent 0, not persisted, #1", "sent 1, not persisted, #1"]);
    expect(batches).toEqual([[0, 1]]);
  });
});

describe("a batch's completions", () => {
  it("that fail change no outcome, and are made again (P3)", async () => {
    const { memory, executeMany } = setUp([{ operation: "completeMany", kind: "fail" }]);
    const outcomes = await executeMany(numbers(2), byNumber, sender<number>().fn);
    expect(outcomes.map(brief)).toEqual(["sent 0, not persisted, #1", "sent 1, not persisted, #1"]);
    await pass(1_000);
    expect(memory.read("user:1")).toMatchObject({ status: "completed" });
  });

  it("leave a held key uncertain though a renewal came after the hold (P2)", async () => {
    const { memory, store, executeMany } = setUp([], { lease: "4s" });
    // The hold is made in the turn in which renewals are due, which wait for one another.
    const outcomes = await during(
      executeMany(numbers(2), byNumber, async () => {
        await new Promise(resolve => setTimeout(resolve, 600));
        await new Promise(resolve => setTimeout(resolve, 400));
        throw Object.assign(new Error("no answer"), { code: "ETIMEDOUT" });
      }),
      1_100,
    );
    expect(outcomes.map(brief)).toEqual(["✗ ETIMEDOUT, #1", "✗ ETIMEDOUT, #1"]);
    const leases = store.calls
      .filter(({ operation }) => operation.startsWith("renew"))
      .map(({ args }) => (args[1] as { leaseMs: number }[])[0]?.leaseMs ?? args[2]);
    expect(leases.slice(0, 2)).toEqual([0, 4_000]);
    expect(numbers(2).map(n => (memory.read(`user:${n}`) as { status: string }).status)).toEqual([
      "uncertain",
      "uncertain",
    ]);
  });

  it("go with releases and holds of the same batch, each its own way", async () => {
    const { store, memory, executeMany } = setUp();
    const cut = Object.assign(new Error("cut"), { code: "ECONNRESET" });
    await executeMany(numbers(6), byNumber, items =>
      items.map(n => (n < 2 ? "sent" : n < 4 ? new Error("refused") : cut)),
    );
    expect(
      store.calls
        .map(({ operation }) => operation)
        .slice(1)
        .sort(),
    ).toEqual(["completeMany", "releaseMany", "renewMany"]);
    const states = numbers(6).map(n => (memory.read(`user:${n}`) as { status: string }).status);
    expect(states).toEqual(["completed", "completed", "released", "released", "uncertain", "uncertain"]);
  });
});

describe("one by one", () => {
  it("at most 64 operations are under way", async () => {
    const memory = memoryStore();
    let running = 0;
    let most = 0;
    const counted =
      <A extends unknown[], R>(act: (...args: A) => R) =>
      async (...args: A): Promise<Awaited<R>> => {
        most = Math.max(most, ++running);
        await new Promise(resolve => setTimeout(resolve, 5));
        running -= 1;
        return (await act(...args)) as Awaited<R>;
      };
    const faulty = faultyStore(memory);
    const store = { ...oneByOne(faulty), claim: counted(faulty.claim), complete: counted(faulty.complete) };
    const { fn, batches } = sender<number>();
    const outcomes = await during(
      createIdempotency({ store }).executeMany(numbers(200), { ...byNumber, batchSize: 100 }, fn),
      300,
    );
    expect(outcomes.every(({ status }) => status === "fulfilled")).toBe(true);
    expect(most).toBe(64);
    expect(batches).toEqual([numbers(100), numbers(200).slice(100)]);
  });

  it("those that wait for others do not spend their storeTimeout", async () => {
    const memory = memoryStore();
    const faulty = faultyStore(memory);
    const claim: IdempotencyStore["claim"] = async (key, request) => {
      await new Promise(resolve => setTimeout(resolve, 800));
      return memory.claim(key, request);
    };
    const { executeMany } = createIdempotency({ store: { ...oneByOne(faulty), claim }, storeTimeout: "1s" });
    const outcomes = await during(executeMany(numbers(200), byNumber, sender<number>().fn), 5_000);
    expect(outcomes.every(({ status }) => status === "fulfilled")).toBe(true);
  });

  it("those that are never answered make room for others once nobody waits for them", async () => {
    const memory = memoryStore();
    const store: IdempotencyStore = {
      ...oneByOne(faultyStore(memory)),
      claim: (key, request) => (key < "user:2" ? new Promise(() => {}) : memory.claim(key, request)),
    };
    const { fn, sent } = sender<number>();
    const { executeMany } = createIdempotency({ store, storeTimeout: "1s" });
    // Those below "user:2" by their text: 0, 1, 10 to 19 and 100 to 199.
    const outcomes = await during(executeMany(numbers(300), { ...byNumber, batchSize: 300 }, fn), 30_000);
    const failed = outcomes.filter(({ status }) => status === "rejected");
    expect(failed).toHaveLength(112);
    expect(sent()).toHaveLength(188);
  });
});

describe("two campaigns over the same users at once", () => {
  it.each([
    ["that wait for each other", {}],
    ["that poll", { hints: false }],
  ])("send each once: %s", async (_how, options) => {
    const stores = processes(2, { hints: true, ...options });
    const { fn, sent } = sender<number>();
    const slowly = async (items: readonly number[], execution: never) => {
      await new Promise(resolve => setTimeout(resolve, 50));
      return fn(items, execution) as string[];
    };
    const users = numbers(40);
    const campaigns = stores.map((store, n) =>
      createIdempotency({ store }).executeMany(
        n === 0 ? users : [...users].reverse(),
        { ...byNumber, batchSize: 8 },
        slowly as never,
      ),
    );
    const [one, two] = await during(Promise.all(campaigns), 20_000);
    expect(sent().sort((a, b) => a - b)).toEqual(users);
    expect([...one!, ...two!].every(({ status }) => status === "fulfilled")).toBe(true);
    expect([...one!, ...two!].filter(({ replayed }) => replayed)).toHaveLength(40);
  });

  it("say of each key that it is in progress, where they would not wait", async () => {
    const [first, second] = processes(2).map(store => createIdempotency({ store, onConflict: "reject" }));
    const open = deferred<string[]>();
    const running = first!.executeMany([0, 1], byNumber, () => open.promise);
    await turn();
    const { fn, batches } = sender<number>();
    const outcomes = await second!.executeMany(numbers(3), byNumber, fn);
    expect(outcomes.map(brief)).toEqual(["✗ IN_PROGRESS, #0", "✗ IN_PROGRESS, #0", "sent 2, #1"]);
    expect(batches).toEqual([[2]]);
    open.resolve(["zero", "one"]);
    await running;
  });

  it("go in batches of at most batchSize, also where several have had to wait (B2)", async () => {
    const [first, second] = processes(2).map(store => createIdempotency({ store }));
    const held = deferred<string[]>();
    const failing = first!.executeMany([0, 1], byNumber, () => held.promise);
    await turn();
    const running = deferred<string>();
    const { fn, batches } = sender<number>();
    const slowly = async (items: readonly number[], execution: never) => {
      const sent = fn(items, execution) as string[];
      await running.promise;
      return sent;
    };
    const outcomes = second!.executeMany(numbers(4), { ...byNumber, batchSize: 1 }, slowly as never);
    await pass(100);
    held.reject(new Error("refused"));
    await failing;
    // Both have their keys now, and no room.
    await pass(2_000);
    expect(batches).toEqual([[2], [3]]);
    running.resolve("");
    expect((await during(outcomes, 1_000)).every(({ status }) => status === "fulfilled")).toBe(true);
    // Who asks first has its key first.
    expect(batches.map(({ length }) => length)).toEqual([1, 1, 1, 1]);
  });

  it("wait together where an item stands more than once, and not one after the other (B3)", async () => {
    const [first, second] = processes(2).map(store => createIdempotency({ store, waitTimeout: "1s" }));
    const open = deferred<string[]>();
    const running = first!.executeMany([1], byNumber, () => open.promise);
    await turn();
    const outcomes = second!.executeMany([1, 1, 1], byNumber, sender<number>().fn);
    await pass(1_500);
    expect(await stateOf(outcomes)).toBe("fulfilled");
    expect((await outcomes).map(brief)).toEqual(Array(3).fill("✗ IN_PROGRESS, #0"));
    open.resolve(["one"]);
    await running;
  });

  it("leave to the second what the first left off: died in mid-send", async () => {
    const memory = memoryStore();
    const [first, second] = processes(2, { memory }).map(store => createIdempotency({ store, lease: "2s" }));
    // Neither its fn nor its renewals go on: as good as killed.
    const { fn, batches } = sender<number>();
    void first!.executeMany(numbers(4), { ...byNumber, batchSize: 2 }, items =>
      items.includes(0) ? (fn(items, undefined as never) as string[]) : new Promise(() => {}),
    );
    await turn();
    await memory.renew("user:2", tokenOf(memory, 2), 0);
    await memory.renew("user:3", tokenOf(memory, 3), 0);
    const outcomes = await during(second!.executeMany(numbers(6), byNumber, fn), 1_000);
    expect(outcomes.map(brief)).toEqual([
      "sent 0, replayed, #1",
      "sent 1, replayed, #1",
      "✗ OUTCOME_UNKNOWN, #1",
      "✗ OUTCOME_UNKNOWN, #1",
      "sent 4, #1",
      "sent 5, #1",
    ]);
    expect(batches).toEqual([
      [0, 1],
      [4, 5],
    ]);
  });
});

/** The token that holds a key: that of the window's first claim. */
function tokenOf(memory: IdempotencyStore, n: number): string {
  return (memory.read(`user:${n}`) as { runId: string }).runId;
}
