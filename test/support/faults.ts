import { vi } from "vitest";
import { createIdempotency, memoryStore, type Options } from "../../src/index.ts";
import { type Fault, faultyStore } from "../../src/testing.ts";
import { recorder } from "./calls.ts";

/** As many calls in a row as there are. */
export const FOREVER = { times: Number.POSITIVE_INFINITY };

/** An instance on a store with faults, a function that counts its runs, and what was heard. */
export function setUp(plan: Fault[] = [], options: Options = {}) {
  const memory = memoryStore();
  const store = faultyStore(memory, plan);
  const heard = recorder();
  const instance = createIdempotency({ store, onEvent: heard.onEvent, ...options });
  const fn = vi.fn(({ attempt }: { attempt: number }) => `run ${attempt}`);
  const call = (more: Options = {}) => instance.execute("k", "1m", fn, more);
  return { ...instance, memory, store, heard, fn, call };
}
