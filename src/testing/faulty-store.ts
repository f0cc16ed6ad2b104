import type { IdempotencyStore, ListedRecord } from "../contract/store.ts";
import type { Awaitable } from "../util/awaitable.ts";
import { type Gate, signal } from "./gate.ts";

/** An operation of a store, by its name. */
export type FaultyOperation = Exclude<keyof IdempotencyStore, "maxOutcomeBytes">;

/**
 * What goes wrong with a call, and with which one: the `nth` call of `operation` from when the fault was given
 * (1, the next one, unless said), and as many in a row as `times` says (1; `Infinity` for an outage that lasts until
 * `restore`).
 *
 * - `"fail"`: rejects with `error`; the store never hears of the call.
 * - `"lose-reply"`: the store does it, the caller gets `error`: a connection cut between request and reply.
 * - `"delay-request"`: the store hears of it only after `by`; then the caller gets the answer.
 * - `"delay-reply"`: the store does it at once, the caller hears of it only after `by`.
 * - `"land-late"`: rejects with `error` at once, and the store does it all the same after `by`.
 * - `"hang"`: never answers, until `restore`; the store did it where `applied` says so.
 * - `"answer"`: answers `value`, whatever that is; the store never hears of the call.
 *
 * `by` is a time in milliseconds, by `setTimeout` and thus by fake timers too, or a {@link Gate}. If no `error`
 * is given, it is an `Error` that names the operation.
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
  /** What it asked the store to do. */
  operation: FaultyOperation;
  /** The key as the store gets it, with its namespace; of a listing the prefix, of many keys the first. */
  key: string;
  /** All arguments, the key first; of a listing the prefix and the query, of many keys the first and all items. */
  args: readonly unknown[];
}

/** A store with faults. All of its operations answer promises, also where those of the wrapped store do not. */
export interface FaultyStore extends IdempotencyStore {
  /** Every call so far, in their order. */
  readonly calls: readonly StoreCall[];
  /** Adds faults. Each counts its calls from now. */
  inject(...faults: Fault[]): void;
  /** Ends all faults: those to come are dropped, what is delayed goes on at once, what hangs rejects. */
  restore(): void;
}

/**
 * Wraps a store so that its calls go wrong on demand, as they do in the wild.
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
