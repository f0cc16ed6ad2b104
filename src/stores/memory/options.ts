import { expectFunction, expectOneOf, invalidOption, readByRules } from "../../contract/validate.ts";

/** The options of `memoryStore`. */
export interface MemoryStoreOptions {
  /**
   * The largest number of keys that it keeps: a whole number, at least 1. With `onFull: "evict"`, only completed
   * and released keys count. With `"reject"`, all keys count. Memory for that many entries is allocated at once.
   * @default 100_000
   */
  maxEntries?: number | undefined;
  /**
   * What happens when it is full. `"evict"`: a completion evicts the least recently used completed or released
   * key, whose protection ends early, and calls `onEvict`. Claims in progress and uncertain keys are never evicted
   * or refused. `"reject"`: the claim of a new key fails with `STORE_ERROR`.
   * @default "evict"
   */
  onFull?: "evict" | "reject" | undefined;
  /**
   * Called with each key that is evicted early, after the operation that caused it has finished. The key includes
   * its namespace. Errors that it throws are ignored.
   */
  onEvict?: ((key: string) => void) | undefined;
  /**
   * If true, `onEvict` gets `fingerprint(key)` instead of the key.
   * @default false
   */
  redactKeys?: boolean | undefined;
  /**
   * Returns the time in milliseconds since 1970. For tests. You do not need it for a test runner's fake timers.
   * @default Date.now
   */
  clock?: (() => number) | undefined;
}

// A `Map` holds no more.
const MAX_ENTRIES = 16_777_216;

const RULES = {
  maxEntries(value: unknown): MemoryStoreOptions {
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_ENTRIES) {
      return { maxEntries: value as number };
    }
    return invalidOption("maxEntries", `a whole number from 1 to ${MAX_ENTRIES}`, value);
  },
  onFull(value: unknown): MemoryStoreOptions {
    expectOneOf("onFull", ["evict", "reject"], value);
    return { onFull: value as "evict" | "reject" };
  },
  onEvict(value: unknown): MemoryStoreOptions {
    expectFunction("onEvict", value);
    return { onEvict: value as (key: string) => void };
  },
  redactKeys(value: unknown): MemoryStoreOptions {
    if (typeof value !== "boolean") return invalidOption("redactKeys", "true or false", value);
    return { redactKeys: value };
  },
  clock(value: unknown): MemoryStoreOptions {
    expectFunction("clock", value);
    return { clock: value as () => number };
  },
};

/** Checks the options of a `memoryStore`. Throws `INVALID_OPTION`. */
export function readMemoryOptions(options: MemoryStoreOptions): MemoryStoreOptions {
  return readByRules("memoryStore options", options, RULES);
}
