import {
  createIdempotency,
  type IdempotencyEvent,
  type IdempotencyStore,
  memoryStore,
  type Options,
} from "with-idempotency";
import { type FaultyStore, faultyStore } from "with-idempotency/testing";

/** A store lays out its tables at once: those of the default size, for each of these checks, would stall the others. */
export const smallStore = () => memoryStore({ maxEntries: 2_000 });

/** A wrapper on a store whose calls can be seen, and go wrong on demand. */
export function instance(options: Options = {}, store: FaultyStore = faultyStore(smallStore())) {
  const events: IdempotencyEvent[] = [];
  const heard = (type: IdempotencyEvent["type"]) => events.filter(event => event.type === type);
  const bound = createIdempotency({ store, onEvent: event => void events.push(event), ...options });
  return { ...bound, store, events, heard };
}

/** Wrappers that share their records and no runs: what a process sees of another. */
export function processes(options: Options = {}, memory: IdempotencyStore = smallStore()) {
  return [instance(options, faultyStore(memory)), instance(options, faultyStore(memory))] as const;
}

/** How often a store was asked for an operation. */
export function countOf(store: FaultyStore, operation: keyof IdempotencyStore): number {
  return store.calls.filter(call => call.operation === operation).length;
}
