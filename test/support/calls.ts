import { vi } from "vitest";
import { type IdempotencyEvent, type IdempotencyStore, memoryStore } from "../../src/index.ts";
import { type FaultyStore, faultyStore } from "../../src/testing.ts";

/** What a promise rejects with. Asked for at once, so that no rejection goes unhandled while the clock moves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    value => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    error => error,
  );
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

/** A promise that the test settles. */
export function deferred<T = string>(): Deferred<T> {
  const parts: Partial<Deferred<T>> = {};
  parts.promise = new Promise<T>((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts as Deferred<T>;
}

/** What nobody handled the rejection of while something was done. Ends fake timers. */
export async function unhandledDuring(act: () => unknown): Promise<unknown[]> {
  const unhandled: unknown[] = [];
  const hear = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", hear);
  try {
    await act();
    vi.useRealTimers();
    await new Promise(resolve => setImmediate(resolve));
  } finally {
    process.off("unhandledRejection", hear);
  }
  return unhandled;
}

/** Lets everything go on that waits for promises only. Needs fake timers. */
export async function turn(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

/** Moves the fake clock. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** What has become of a promise by now. Needs fake timers. */
export async function stateOf(promise: Promise<unknown>): Promise<"pending" | "fulfilled" | "rejected"> {
  let state: "pending" | "fulfilled" | "rejected" = "pending";
  promise.then(
    () => {
      state = "fulfilled";
    },
    () => {
      state = "rejected";
    },
  );
  await turn();
  return state;
}

/** A listener, and what it heard. */
export function recorder() {
  const events: IdempotencyEvent[] = [];
  return {
    events,
    onEvent: (event: IdempotencyEvent) => void events.push(event),
    types: () => events.map(({ type }) => type),
    of: (type: IdempotencyEvent["type"]) => events.filter(event => event.type === type),
  };
}

/**
 * Stores that share their records and, being objects of their own, no runs: what a process sees of another. They
 * answer promises and, unless `hints` says so, have no `settled`.
 */
export function processes(
  count: number,
  { hints = false, memory = memoryStore() }: { hints?: boolean; memory?: IdempotencyStore } = {},
): FaultyStore[] {
  return Array.from({ length: count }, () => {
    const { settled, ...store } = faultyStore(memory);
    return hints ? { ...store, settled: settled! } : store;
  });
}

/** How often a store was asked for an operation. */
export function countOf(store: FaultyStore, operation: keyof IdempotencyStore): number {
  return store.calls.filter(call => call.operation === operation).length;
}
