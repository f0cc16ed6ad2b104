import type { IdempotencyStore, ListedRecord } from "../contract/store.ts";
import type { Awaitable } from "../util/awaitable.ts";
import { type Gate, signal } from "./gate.ts";

/** The name of a store's operation. */
export type FaultyOperation = Exclude<keyof IdempotencyStore, "maxOutcomeBytes">;

/**
 * A fault: what goes wrong, and with which call. `nth` counts the calls of `operation` from when the fault was
 * added (default 1, the next call). `times` says how many calls in a row fail (default 1; `Infinity` for an outage
 * that lasts until `restore`).
 *
 * - `"fail"`: rejects with `error`. The call never reaches the store.
 * - `"lose-reply"`: the store does it, but the caller gets `error`, as if the connection was cut before the reply.
 * - `"delay-request"`: the call reaches the store only after `by`. Then the caller gets the answer.
 * - `"delay-reply"`: the store does it at once, but the caller gets the answer only after `by`.
 * - `"land-late"`: rejects with `error` at once, but the store still does it after `by`.
 * - `"hang"`: does not answer until `restore`. With `applied`, the store has done it.
 * - `"answer"`: answers with `value`, whatever that is. The call never reaches the store.
 *
 * `by` is a {@link Gate}, or a time in milliseconds, which uses `setTimeout` and so works with fake timers. If no
 * `error` is given, it is an `Error` that names the operation.
 */
export type Fault = { operation: FaultyOperation; nth?: number; times?: number } & (
  | { kind: "fail" | "lose-reply"; error?: unknown }
  | { kind: "delay-request" | "delay-reply"; by: number | Gate }
  | { kind: "land-late"; by: number | Gate; error?: unknown }
  | { kind: "hang"; applied?: boolean }
  | { kind: "answer"; value: unknown }
);

/** One call that a {@link FaultyStore} got. */
export interface StoreCall {
  /** The operation that was called. */
  operation: FaultyOperation;
  /**
   * The key as the store gets it, with its namespace. For a listing it is the prefix, for many keys the first one.
   */
  key: string;
  /**
   * All arguments, the key first. For a listing: the prefix and the query. For many keys: the first key and all
   * items.
   */
  args: readonly unknown[];
}

/** A store with faults. All its operations return promises, even if those of the wrapped store do not. */
export interface FaultyStore extends IdempotencyStore {
  /** Every call so far, in order. */
  readonly calls: readonly StoreCall[];
  /** Adds faults. Each counts calls from now on. */
  inject(...faults: Fault[]): void;
  /** Ends all faults: pending faults are dropped, delayed calls continue at once, and hanging calls reject. */
  restore(): void;
}

/**
 * Wraps a store so that its calls fail on demand, as they do in production.
 *
 * @example
 * ```ts
 * import { memoryStore, withIdempotency } from "with-idempotency";
 * import { faultyStore } from "with-idempotency/testing";
 *
 * const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "lose-reply" }]);
 * let sent = 0;
 * await withIdempotency("order-42", "1h", () => ++sent, { store });
 * console.log(sent, store.calls.map(({ operation }) => operation).join()); // → 1 claim,claim,complete
 * store.restore();
 * ```
 *
 * Call `restore` when the test ends, so that nothing hangs.
 */
export function faultyStore(store: IdempotencyStore, plan: readonly Fault[] = []): FaultyStore {
  const calls: StoreCall[] = [];
  const faults = faultQueue();
  let end = signal();

  function call<T>(
    operation: FaultyOperation,
    args: [string, ...unknown[]],
    apply: () => Awaitable<T>,
  ): Promise<T> {
    calls.push({ operation, key: args[0], args });
    const fault = faults.next(operation);
    return fault ? suffer(fault, async () => apply(), end.given) : (async () => apply())();
  }

  /** One call for all of its items. */
  function many<Item extends { key: string }, T>(
    operation: FaultyOperation,
    apply: ((items: readonly Item[]) => Awaitable<T>) | undefined,
  ) {
    if (apply === undefined) return {};
    const act = (items: readonly Item[]) =>
      call(operation, [items[0]?.key ?? "", items], () => apply.call(store, items));
    return { [operation]: act };
  }

  const { settled, list, maxOutcomeBytes } = store;
  faults.add(plan);
  return {
    claim: (...args) => call("claim", args, () => store.claim(...args)),
    renew: (...args) => call("renew", args, () => store.renew(...args)),
    complete: (...args) => call("complete", args, () => store.complete(...args)),
    release: (...args) => call("release", args, () => store.release(...args)),
    read: (...args) => call("read", args, () => store.read(...args)),
    settle: (...args) => call("settle", args, () => store.settle(...args)),
    reopen: (...args) => call("reopen", args, () => store.reopen(...args)),
    forget: (...args) => call("forget", args, () => store.forget(...args)),
    ...many("claimMany", store.claimMany),
    ...many("renewMany", store.renewMany),
    ...many("completeMany", store.completeMany),
    ...many("releaseMany", store.releaseMany),
    ...(list && {
      list: query => listing(() => call("list", [query.prefix, query], () => list.call(store, query))),
    }),
    ...(settled && { settled: (...args) => call("settled", args, () => settled.apply(store, args)) }),
    ...(maxOutcomeBytes !== undefined && { maxOutcomeBytes }),
    calls,
    inject: (...more) => faults.add(more),
    restore() {
      faults.clear();
      end.give();
      end = signal();
    },
  };
}

/** What goes wrong with a listing does so before its first record. */
async function* listing(ask: () => Promise<AsyncIterable<ListedRecord>>): AsyncGenerator<ListedRecord> {
  yield* await ask();
}

async function suffer<T>(fault: Fault, apply: () => Promise<T>, ended: Promise<void>): Promise<T> {
  switch (fault.kind) {
    case "fail":
      throw errorOf(fault);
    case "lose-reply":
      await apply();
      throw errorOf(fault);
    case "delay-request":
      await pause(ended, fault.by);
      return apply();
    case "delay-reply": {
      const answer = await apply();
      await pause(ended, fault.by);
      return answer;
    }
    case "land-late":
      // Nobody is left to hear of how it went.
      pause(ended, fault.by)
        .then(apply)
        .catch(() => {});
      throw errorOf(fault);
    case "hang":
      if (fault.applied) await apply();
      await pause(ended);
      throw new Error(`The ${fault.operation} hung until the fault was ended`);
    case "answer":
      return fault.value as T;
  }
}

function errorOf({ operation, kind, error }: Fault & { error?: unknown }): unknown {
  return error ?? new Error(`The ${operation} was made to go wrong: ${kind}`);
}

/** The faults to come. Of two that are due at one call, the second strikes at the next. */
function faultQueue() {
  const counts = new Map<FaultyOperation, number>();
  let queue: { fault: Fault; from: number; times: number }[] = [];
  const countOf = (operation: FaultyOperation) => counts.get(operation) ?? 0;

  return {
    add(faults: readonly Fault[]) {
      for (const fault of faults) {
        queue.push({ fault, from: countOf(fault.operation) + (fault.nth ?? 1), times: fault.times ?? 1 });
      }
    },
    next(operation: FaultyOperation): Fault | undefined {
      const count = countOf(operation) + 1;
      counts.set(operation, count);
      const due = queue.find(({ fault, from }) => fault.operation === operation && from <= count);
      if (due === undefined) return undefined;
      due.times -= 1;
      if (due.times <= 0) queue = queue.filter(entry => entry !== due);
      return due.fault;
    },
    clear() {
      queue = [];
    },
  };
}

/** Waits by time, at a gate or (without either) for ever, but never past the end of all faults. */
async function pause(ended: Promise<void>, by?: number | Gate): Promise<void> {
  if (by === undefined) return ended;
  if (typeof by === "object") return Promise.race([ended, by.pass()]);
  const elapsed = signal();
  const timer = setTimeout(elapsed.give, by);
  await Promise.race([ended, elapsed.given]);
  clearTimeout(timer);
}
