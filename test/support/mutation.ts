import fc from "fast-check";
import { afterAll, vi } from "vitest";

// A property that a mutant breaks has said enough, and one that it does not break shall not take long.
fc.configureGlobal({ endOnFailure: true, interruptAfterTimeLimit: 500 });

// Most of a short test's time goes into the tables of its in-memory store. No test here fills them.
vi.mock("lru-cache", async importOriginal => {
  const { LRUCache } = await importOriginal<typeof import("lru-cache")>();
  return {
    LRUCache: new Proxy(LRUCache, {
      construct: (Cache, [{ max, ...options }]) => new Cache({ ...options, max: Math.min(max, 5_000) }),
    }),
  };
});

// Many files share one process here: none of them shall inherit another's clock, or a module that was loaded on a
// platform which a test had made.
afterAll(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  vi.resetModules();
});
