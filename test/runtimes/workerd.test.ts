import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../src/index.ts";

// What `npm run test:runtimes` shows on workerd itself, in the small.
beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** How many timers renew two runs that go on at the same time. */
async function renewingTimers(): Promise<number> {
  const { createIdempotency } = await import("../../src/index.ts");
  const { execute } = createIdempotency({ store: memoryStore({ maxEntries: 10 }) });
  const before = vi.getTimerCount();
  for (const key of ["a", "b"]) void execute(key, "1m", () => new Promise(() => {}));
  await vi.advanceTimersByTimeAsync(0);
  // The store's own timer, which sweeps, is one of them.
  return vi.getTimerCount() - before - 1;
}

describe("where a timer ends with the request that set it", () => {
  it("each run is renewed by a timer of its own", async () => {
    vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
    expect(await renewingTimers()).toBe(2);
  });

  it("and elsewhere one timer renews them all", async () => {
    expect(await renewingTimers()).toBe(1);
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
