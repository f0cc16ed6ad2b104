import fc from "fast-check";
import { vi } from "vitest";

// A property that a mutant breaks has said enough, and one that it does not break shall not take long.
fc.configureGlobal({ endOnFailure: true, interruptAfterTimeLimit: 500 });

// Most of a short test's time goes into the tables of its in-memory store. No test here fills them.
vi.mock("lru-cache", async importOriginal => {
  const { LRUCache } = await importOriginal<typeof import("lru-cache")>();
  return {
    LRUCache: class extends LRUCache<object, object> {
      constructor({ max, ...options }: { max: number }) {
        super({ ...options, max: Math.min(max, 5_000) });
      }
    },
  };
});
