import type { IdempotencyStore } from "../../../../src/index.ts";

type List = NonNullable<IdempotencyStore["list"]>;

const NAMES = ["claim", "renew", "complete", "release", "read", "settle", "reopen", "forget"] as const;

/** The store with another way to list its keys, or none. */
export function withList(store: IdempotencyStore, list: List | undefined): IdempotencyStore {
  const operations = NAMES.map(name => [name, (store[name] as () => unknown).bind(store)]);
  return { ...Object.fromEntries(operations), ...(list && { list }) };
}
