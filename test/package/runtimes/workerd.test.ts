import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryStore, type Options } from "../../../src/index.ts";
import { faultyStore } from "../../../src/testing.ts";

// What `npm run test:runtimes` shows on workerd itself, in the small.
beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** How many timers two runs have that go on at the same time. */
async function timersOfTwoRuns(): Promise<number> {
  const { createIdempotency } = await import("../../../src/index.ts");
  const { execute } = createIdempotency({ store: memoryStore({ maxEntries: 10 }) });
  const before = vi.getTimerCount();
  for (const key of ["a", "b"]) void execute(key, "1m", () => new Promise(() => {}));
  await vi.advanceTimersByTimeAsync(0);
  return vi.getTimerCount() - before;
}

describe("where a timer ends with the request that set it", () => {
  it("each run has its own, for its renewals and its signs of life", async () => {
    vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
    expect(await timersOfTwoRuns()).toBe(4);
  });

  it("and elsewhere for its renewals alone", async () => {
    expect(await timersOfTwoRuns()).toBe(2);
  });
});

describe("a call whose request ended, and its timers with it", () => {
  /** An instance on workerd, and how it looks to another isolate. */
  async function onWorkerd(options: Options = {}) {
    vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
    const { createIdempotency } = await import("../../../src/index.ts");
    const memory = memoryStore();
    // Without hints, which would wake what has no timer any more.
    const { settled: _, ...store } = faultyStore(memory);
    const elsewhere = createIdempotency({ store: faultyStore(memory) });
    return { ...createIdempotency({ store, ...options }), store, elsewhere };
  }

  const forever = () => new Promise<never>(() => {});
  const codeOf = (call: Promise<unknown>) => call.catch(({ code }) => code);
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it("leaves its key uncertain to those who wait for its run, and to those who come later", async () => {
    const { execute } = await onWorkerd();
    void execute("k", "1m", forever);
    await pass(0);
    vi.clearAllTimers();
    const waiter = codeOf(execute("k", "1m", () => "ran"));
    await pass(31_000);
    expect(await waiter).toBe("OUTCOME_UNKNOWN");
    expect(await codeOf(execute("k", "1m", () => "ran"))).toBe("OUTCOME_UNKNOWN");
  });

  it("keeps nobody from a result that another isolate has", async () => {
    const { execute, elsewhere } = await onWorkerd();
    let finish = (_: string) => {};
    const holder = elsewhere.execute("k", "1m", () => new Promise<string>(resolve => (finish = resolve)));
    void execute("k", "1m", forever);
    await pass(0);
    vi.clearAllTimers();
    finish("sent");
    await holder;
    const next = execute("k", "1m", forever);
    await pass(1_100);
    expect(await next).toMatchObject({ value: "sent", replayed: true });
  });

  it("keeps nobody from a key that it had yet to claim", async () => {
    const { execute, store } = await onWorkerd();
    store.inject({ operation: "claim", kind: "hang" });
    void execute("k", "1m", forever);
    await pass(0);
    vi.clearAllTimers();
    await pass(1_000);
    expect(await execute("k", "1m", () => "sent")).toMatchObject({ value: "sent", attempt: 1 });
  });

  it("and one that goes on is shared for as long as it does", async () => {
    const { execute, store } = await onWorkerd();
    const first = execute("k", "1m", () => new Promise(resolve => setTimeout(resolve, 20_000, "sent")));
    await pass(9_000);
    const second = execute("k", "1m", forever);
    await pass(11_000);
    expect(await Promise.all([first, second])).toMatchObject([{ replayed: false }, { value: "sent" }]);
    expect(store.calls.filter(({ operation }) => operation === "claim")).toHaveLength(1);
  });
});

it("the in-memory store sweeps without WeakRef", async () => {
  vi.stubGlobal("WeakRef", undefined);
  const store = memoryStore();
  store.claim("k", { token: "t", ttlMs: 1_000, leaseMs: 1_000 });
  store.complete("k", "t", "sent", 1_000);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(vi.getTimerCount()).toBe(0);
  expect(store.read("k")).toBeUndefined();
});
