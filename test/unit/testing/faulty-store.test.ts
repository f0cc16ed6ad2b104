import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Fault, type FaultyStore, faultyStore, gate, manualClock } from "../../../src/testing.ts";
import { referenceStore } from "./reference-store.ts";

const clock = manualClock();
const reset = new Error("connection reset");
const request = { token: "a", leaseMs: 1_000, ttlMs: 1_000 };

const faulty = (...plan: Fault[]): FaultyStore => faultyStore(referenceStore({ now: clock.now }), plan);

async function listed(store: FaultyStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list!({ prefix: "", status: "uncertain" })) keys.push(key);
  return keys;
}

/** What became of an answer so far. */
async function stateOf(answer: unknown): Promise<string> {
  const state = Promise.resolve(answer).then(
    () => "fulfilled",
    () => "rejected",
  );
  return Promise.race([state, new Promise<string>(resolve => setImmediate(resolve, "pending"))]);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("without faults", () => {
  it("is the store, but answers promises", async () => {
    const store = faulty();
    const claim = store.claim("k", request);
    expect(claim).toBeInstanceOf(Promise);
    await expect(claim).resolves.toMatchObject({ status: "claimed", attempt: 1, runId: "a" });
    await expect(store.renew("k", "a", 0)).resolves.toBe(true);
    await expect(store.read("k")).resolves.toMatchObject({ status: "uncertain" });
    const seen = { runId: "a", attempt: 1 };
    await expect(store.reopen("k", { ...seen, attempt: 2 })).resolves.toBe(false);
    await expect(store.settle("k", "found", 1_000, { ...seen, attempt: 2 })).resolves.toBe(false);
    await expect(store.settle("k", "found", 1_000, seen)).resolves.toBe(true);
    await expect(store.complete("k", "a", "sent", 1_000)).resolves.toBe(false);
    await expect(store.release("k", "a")).resolves.toBe(false);
    await expect(store.forget("k", { ...seen, attempt: 2 })).resolves.toBe(false);
    await expect(store.forget("k", seen)).resolves.toBe(true);
    expect(store.calls.map(({ operation }) => operation)).toEqual([
      "claim",
      "renew",
      "read",
      "reopen",
      "settle",
      "settle",
      "complete",
      "release",
      "forget",
      "forget",
    ]);
  });

  it("has the store's limit, where it has one", () => {
    expect(
      faultyStore({ ...referenceStore({ now: clock.now }), maxOutcomeBytes: 400_000 }).maxOutcomeBytes,
    ).toBe(400_000);
    expect("maxOutcomeBytes" in faulty()).toBe(false);
  });

  it("records each call", async () => {
    const store = faulty();
    await store.claim("k", request);
    await store.release("k", "a");
    await store.read("other");
    expect(store.calls).toEqual([
      { operation: "claim", key: "k", args: ["k", request] },
      { operation: "release", key: "k", args: ["k", "a"] },
      { operation: "read", key: "other", args: ["other"] },
    ]);
  });

  it("lists as the store does, if that can", async () => {
    const store = faulty();
    await store.claim("k", { ...request, leaseMs: 0 });
    expect(await listed(store)).toEqual(["k"]);
    const query = { prefix: "", status: "uncertain" };
    expect(store.calls.at(-1)).toEqual({ operation: "list", key: "", args: ["", query] });
    const { list: _, ...without } = referenceStore({ now: clock.now });
    expect("list" in faultyStore(without)).toBe(false);
  });

  it("does what it is asked before it answers", () => {
    const inner = referenceStore({ now: clock.now });
    faultyStore(inner).claim("k", request);
    expect(inner.records.has("k")).toBe(true);
  });

  it("rejects where the store throws", async () => {
    const inner = referenceStore({ now: clock.now, room: 0 });
    await expect(faultyStore(inner).claim("k", request)).rejects.toThrow("full");
  });

  it("has settled where the store has it", async () => {
    const store = faulty();
    await store.claim("k", request);
    const hint = store.settled!("k", new AbortController().signal);
    expect(await stateOf(hint)).toBe("pending");
    await store.release("k", "a");
    expect(await stateOf(hint)).toBe("fulfilled");
    expect(store.calls.map(({ operation }) => operation)).toContain("settled");

    const { settled: _, ...without } = referenceStore({ now: clock.now });
    expect(faultyStore(without).settled).toBeUndefined();
  });

  it("calls settled as a method of the store", async () => {
    const inner = {
      ...referenceStore({ now: clock.now }),
      async settled() {
        expect(this).toBe(inner);
      },
    };
    await faultyStore(inner).settled!("k", new AbortController().signal);
    expect.assertions(1);
  });
});

describe("the kinds of fault", () => {
  it("fail: the store never hears of it", async () => {
    const store = faulty({ operation: "claim", kind: "fail", error: reset });
    await expect(store.claim("k", request)).rejects.toBe(reset);
    await expect(store.read("k")).resolves.toBeUndefined();
  });

  it("lose-reply: the store did it, and the caller gets an error", async () => {
    const store = faulty({ operation: "claim", kind: "lose-reply", error: reset });
    await expect(store.claim("k", request)).rejects.toBe(reset);
    await expect(store.read("k")).resolves.toMatchObject({ status: "in-progress" });
  });

  it.each(["fail", "lose-reply"] as const)("%s: names the operation where no error is given", async kind => {
    const store = faulty({ operation: "claim", kind });
    await expect(store.claim("k", request)).rejects.toThrow(`The claim was made to go wrong: ${kind}`);
  });

  it("strike a listing before its first record", async () => {
    const store = faulty(
      { operation: "list", kind: "fail", error: reset },
      { operation: "list", kind: "delay-reply", by: 100 },
    );
    await store.claim("k", { ...request, leaseMs: 0 });
    await expect(listed(store)).rejects.toBe(reset);
    const late = listed(store);
    expect(await stateOf(late)).toBe("pending");
    await vi.advanceTimersByTimeAsync(100);
    expect(await late).toEqual(["k"]);
  });

  it("delay-request: the store hears of it after a while", async () => {
    const store = faulty({ operation: "claim", kind: "delay-request", by: 100 });
    const claim = store.claim("k", request);
    await vi.advanceTimersByTimeAsync(99);
    expect(await stateOf(claim)).toBe("pending");
    await expect(store.read("k")).resolves.toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await expect(claim).resolves.toMatchObject({ status: "claimed" });
  });

  it("delay-reply: the store does it at once, the caller hears of it after a while", async () => {
    const store = faulty({ operation: "claim", kind: "delay-reply", by: 100 });
    const claim = store.claim("k", request);
    await expect(store.read("k")).resolves.toMatchObject({ status: "in-progress" });
    await vi.advanceTimersByTimeAsync(99);
    expect(await stateOf(claim)).toBe("pending");
    await vi.advanceTimersByTimeAsync(1);
    await expect(claim).resolves.toMatchObject({ status: "claimed" });
  });

  it("land-late: rejects at once, and the store does it after a while", async () => {
    const store = faulty({ operation: "claim", kind: "land-late", by: 100, error: reset });
    await expect(store.claim("k", request)).rejects.toBe(reset);
    await vi.advanceTimersByTimeAsync(99);
    await expect(store.read("k")).resolves.toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await expect(store.read("k")).resolves.toMatchObject({ status: "in-progress" });
  });

  it("land-late: nobody hears of it when it fails then", async () => {
    const inner = referenceStore({ now: clock.now, room: 0 });
    const store = faultyStore(inner, [{ operation: "claim", kind: "land-late", by: 100, error: reset }]);
    const unheard = vi.fn();
    process.once("unhandledRejection", unheard);
    await expect(store.claim("k", request)).rejects.toBe(reset);
    await vi.advanceTimersByTimeAsync(100);
    await new Promise(setImmediate);
    process.removeListener("unhandledRejection", unheard);
    expect(unheard).not.toHaveBeenCalled();
  });

  it.each([
    [true, { status: "in-progress" }],
    [false, undefined],
  ])("hang: never answers, applied: %s", async (applied, record) => {
    const store = faulty({ operation: "claim", kind: "hang", applied });
    const claim = store.claim("k", request);
    await vi.advanceTimersByTimeAsync(86_400_000);
    expect(await stateOf(claim)).toBe("pending");
    const found = await store.read("k");
    expect(found && { status: found.status }).toEqual(record);
    store.restore();
    await expect(claim).rejects.toThrow("The claim hung until the fault was ended");
  });

  it("answer: answers what it is given", async () => {
    const store = faulty({ operation: "claim", kind: "answer", value: { status: "perhaps" } });
    await expect(store.claim("k", request)).resolves.toEqual({ status: "perhaps" });
    await expect(store.read("k")).resolves.toBeUndefined();
  });
});

describe("which call is hit", () => {
  /** Marks the claims that the fault hit with an x. */
  const claims = async (store: FaultyStore, count: number): Promise<string> => {
    let hits = "";
    for (let i = 0; i < count; i += 1) {
      hits += (await stateOf(store.claim(`k${i}`, request))) === "rejected" ? "x" : ".";
    }
    return hits;
  };

  it("the next one, unless said", async () => {
    expect(await claims(faulty({ operation: "claim", kind: "fail" }), 3)).toBe("x..");
  });

  it("the nth of that operation alone", async () => {
    const store = faulty({ operation: "claim", nth: 3, kind: "fail" });
    await store.read("k");
    await store.read("k");
    await store.read("k");
    expect(await claims(store, 4)).toBe("..x.");
  });

  it("as many in a row as said", async () => {
    expect(await claims(faulty({ operation: "claim", nth: 2, times: 2, kind: "fail" }), 5)).toBe(".xx..");
  });

  it("all, until the store is restored", async () => {
    const store = faulty({ operation: "claim", times: Number.POSITIVE_INFINITY, kind: "fail" });
    expect(await claims(store, 3)).toBe("xxx");
    store.restore();
    expect(await claims(store, 2)).toBe("..");
  });

  it("counts from when the fault was given", async () => {
    const store = faulty();
    expect(await claims(store, 2)).toBe("..");
    store.inject({ operation: "claim", nth: 2, kind: "fail" }, { operation: "claim", nth: 4, kind: "fail" });
    expect(await claims(store, 5)).toBe(".x.x.");
  });

  it("one fault at a time: the second of two strikes at the next call", async () => {
    const store = faulty(
      { operation: "claim", kind: "answer", value: "first" },
      { operation: "claim", kind: "answer", value: "second" },
    );
    expect([await store.claim("k", request), await store.claim("k", request)]).toEqual(["first", "second"]);
  });
});

describe("a gate", () => {
  it("holds a call until it is opened, and shows when it is there", async () => {
    const closed = gate();
    const store = faulty({ operation: "complete", kind: "delay-request", by: closed });
    await store.claim("k", request);
    expect(await stateOf(closed.reached)).toBe("pending");
    const complete = store.complete("k", "a", "sent", 1_000);
    await closed.reached;
    expect(await stateOf(complete)).toBe("pending");
    await store.release("k", "a");
    closed.open();
    await expect(complete).resolves.toBe(false);
  });

  it("lets through whoever comes once it is open", async () => {
    const open = gate();
    open.open();
    expect(await stateOf(open.pass())).toBe("fulfilled");
  });
});

describe("restore", () => {
  it("ends a fault that has struck but not yet begun to wait", async () => {
    const store = faulty(
      { operation: "claim", kind: "delay-reply", by: gate() },
      { operation: "claim", kind: "hang", applied: true },
    );
    const claims = [store.claim("one", request), store.claim("two", request)];
    store.restore();
    await expect(Promise.allSettled(claims)).resolves.toMatchObject([
      { status: "fulfilled", value: { status: "claimed" } },
      { status: "rejected" },
    ]);
  });

  it("lets later faults wait again", async () => {
    const store = faulty();
    store.restore();
    store.inject({ operation: "claim", kind: "hang" });
    const claim = store.claim("k", request);
    expect(await stateOf(claim)).toBe("pending");
    store.restore();
    expect(await stateOf(claim)).toBe("rejected");
  });

  it("lets go of what is delayed, by time and at a gate, and leaves no timer", async () => {
    const store = faulty(
      { operation: "claim", kind: "delay-request", by: 60_000 },
      { operation: "claim", kind: "delay-request", by: gate() },
    );
    const claims = [store.claim("one", request), store.claim("two", request)];
    store.restore();
    await expect(Promise.all(claims)).resolves.toMatchObject([{ status: "claimed" }, { status: "claimed" }]);
  });
});
