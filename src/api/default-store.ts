import type { IdempotencyStore } from "../contract/store.ts";
import { memoryStore } from "../stores/memory/store.ts";
import { processWide } from "../util/process-wide.ts";

/** The in-memory store of this process, made on first use. */
export function defaultStore(): IdempotencyStore {
  return processWide("store", memoryStore);
}
