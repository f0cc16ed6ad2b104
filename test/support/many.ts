import { vi } from "vitest";
import {
  type BatchExecution,
  type IdempotencyStore,
  type ItemOutcome,
  memoryStore,
} from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";

/** The ways in which a store takes part in a batch: at once, many at a time, and one by one. */
export const STORES: readonly (readonly [string, (memory?: IdempotencyStore) => IdempotencyStore])[] = [
  ["a store that answers at once", (memory = memoryStore()) => memory],
  ["a store that does many at once", (memory = memoryStore()) => faultyStore(memory)],
  ["a store that does one by one", (memory = memoryStore()) => oneByOne(faultyStore(memory))],
];

/** A store without its operations on many keys. */
export function oneByOne<S extends IdempotencyStore>(store: S): S {
  return {
    ...store,
    claimMany: undefined,
    renewMany: undefined,
    completeMany: undefined,
    releaseMany: undefined,
  };
}

/** Sends each item, and keeps what it was given. */
export function sender<I>(result: (item: I) => unknown = item => `sent ${item}`) {
  const batches: I[][] = [];
  const executions: BatchExecution[] = [];
  const fn = vi.fn((items: readonly I[], execution: BatchExecution) => {
    batches.push([...items]);
    executions.push(execution);
    return items.map(result);
  });
  return { fn, batches, executions, sent: () => batches.flat() };
}

/** An outcome in short: the value or what it was rejected with, and whether it is another run's. */
export function brief(outcome: ItemOutcome<unknown>): string {
  const { status, replayed, attempt } = outcome;
  const what = status === "fulfilled" ? outcome.value : reasonOf(outcome.reason);
  const notes = [replayed && "replayed", status === "fulfilled" && !outcome.persisted && "not persisted"];
  return [what, ...notes.filter(Boolean), `#${attempt}`].join(", ");
}

function reasonOf(reason: unknown): string {
  const { code, message } = reason as { code?: string; message?: string };
  return `✗ ${code ?? message ?? reason}`;
}

/** Numbers from 0. */
export const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
