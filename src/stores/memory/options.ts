import { expectFunction, expectOneOf, invalidOption, readByRules } from "../../contract/validate.ts";

/** How a `memoryStore` is set up. */
export interface MemoryStoreOptions {
  /**
   * The most keys that it keeps; a whole number from 1. With `onFull: "evict"` completed and released keys count,
   * with `"reject"` all of them. Its tables are laid out for that number at once.
   * @default 100_000
   */
  maxEntries?: number | undefined;
  /**
   * What happens when it is full. `"evict"`: a completion drops the least recently used completed or released key,
   * whose protection ends early, and calls `onEvict`; claims in progress and uncertain keys are neither dropped nor
   * refused, whatever their number. `"reject"`: the claim of a new key fails with `STORE_ERROR`.
   * @default "evict"
   */
  onFull?: "evict" | "reject" | undefined;
  /**
   * Called with each key that is dropped before its time, once what caused it stands. The key is as the store has it,
   * with its namespace. What it throws is ignored.
   */
  onEvict?: ((key: string) => void) | undefined;
  /**
   * Whether `onEvict` gets `fingerprint(key)` instead of the key.
   * @default false
   */
  redactKeys?: boolean | undefined;
  /**
   * The time in milliseconds. For tests; any test runner's fake timers work without it.
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
