import type { Flight } from "./flight.ts";
import type { IdempotencyStore } from "./store.ts";
import { memoryStore } from "./stores/memory.ts";

/** What every copy and module format of the package in this process shares. */
interface Shared {
  store?: IdempotencyStore;
  readonly flights: WeakMap<IdempotencyStore, Map<string, Flight>>;
}

// The number is that of the form of what is shared: copies that differ in it share nothing.
const SHARED = Symbol.for("with-idempotency/shared/1");

function shared(): Shared {
  const scope = globalThis as { [SHARED]?: Shared };
  scope[SHARED] ??= { flights: new WeakMap() };
  return scope[SHARED];
}

/** The in-memory store of this process, made on first use. */
function defaultStore(): IdempotencyStore {
  const ours = shared();
  ours.store ??= memoryStore();
  return ours.store;
}

/** A store, with the runs of this process on it by key. */
export interface Home {
  readonly store: IdempotencyStore;
  readonly flights: Map<string, Flight>;
}

/** Where the calls on a store meet. */
export function homeOf(store: IdempotencyStore = defaultStore()): Home {
  const { flights } = shared();
  let byKey = flights.get(store);
  if (byKey === undefined) {
    byKey = new Map();
    flights.set(store, byKey);
  }
  return { store, flights: byKey };
}
