import { expectFunction, expectOneOf, invalidOption, readByRules } from "../../contract/validate.ts";

/** How a `memoryStore` is set up. */
export interface MemoryStoreOptions {
  /**
   * How many keys it holds at the most; a whole number from 1. Its tables are laid out for that number at once.
   * @default 100_000
   */
  maxEntries?: number | undefined;
  /**
   * What a new key does to a full store: `"evict"` drops the least recently used completed or released one, whose
   * protection ends early, and tells `onEvict`; `"reject"` fails the claim with `STORE_ERROR`. A claim in progress and
   * an uncertain key are never dropped: a store full of them refuses either way.
   * @default "evict"
   */
  onFull?: "evict" | "reject" | undefined;
  /** Told of each key that is dropped before its time. What it throws is ignored. */
  onEvict?: ((key: string) => void) | undefined;
  /**
   * The time in milliseconds. For tests; any test runner's fake timers work without it.
   * @default Date.now
   */
  clock?: (() => number) | undefined;
}

// A `Map` holds no more.
const MAX_ENTRIES = 2 ** 24;

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
  clock(value: unknown): MemoryStoreOptions {
    expectFunction("clock", value);
    return { clock: value as () => number };
  },
};

/** Checks the options of a `memoryStore`. Throws `INVALID_OPTION`. */
export function readMemoryOptions(options: MemoryStoreOptions): MemoryStoreOptions {
  return readByRules("memoryStore options", options, RULES);
}
