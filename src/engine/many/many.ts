import { isIdempotencyError } from "../../contract/errors.ts";
import type { BatchFn, ItemOutcome, ManyOutcomes } from "../../contract/many.ts";
import type { Settings } from "../../contract/options.ts";
import { type Awaitable, isPromise } from "../../util/awaitable.ts";
import { onAbort } from "../../util/on-abort.ts";
import { isQuiet, replayKept } from "../answers.ts";
import { type Call, createCall, type MakeAnswer } from "../call.ts";
import { perform, performTwin } from "../perform.ts";
import { type CallScope, findRun, type SharedRun, type StoreScope } from "../shared-runs.ts";
import { type Batches, batchesOf, type Passenger } from "./batches.ts";
import { gatheredStore } from "./gathered-store.ts";
import { outcomesFor } from "./outcomes.ts";
import { sourceOf } from "./source.ts";

// B7: the most items that wait for another's run, and the most whose outcome is not taken yet.
const MOST_WAITING = 1_000;
const MOST_OUTSTANDING = 10_000;

/** What `executeMany` is to do, its arguments checked. */
export interface Many<I> {
  readonly items: Iterable<I> | AsyncIterable<I>;
  readonly fn: BatchFn<I, unknown>;
  readonly batchSize: number;
  readonly ttlMs: number;
  readonly namespace: string | undefined;
  readonly scope: StoreScope;
  readonly settings: Settings;
  /** Reads an item's key and fingerprint. Throws where one is bad. */
  read(item: I, index: number): ReadItem;
}

/** What is the item's own of its call. */
interface ReadItem {
  readonly key: string;
  readonly storeKey: string;
  readonly settings: Settings;
}

/** Performs a call for each item, by the steps of any call, with one claim and one `fn` for many of them. */
export function performMany<I>(many: Many<I>): ManyOutcomes<unknown> {
  const { items, batchSize } = many;
  const { signal } = many.settings;
  const source = sourceOf(items);
  const changes = changing();
  const batches = batchesOf(many.fn, batchSize, changes.notify);
  const perform = performer(many, batches);
  let hasLeft = false;
  let pulled = 0;
  let ended = 0;

  const outcomes = outcomesFor({
    taken: changes.notify,
    left() {
      hasLeft = true;
      stop();
    },
  });

  function stop(): void {
    source.end();
    changes.notify();
  }

  // B1: each item of an array has its outcome. After an abort others are not asked for.
  const isOver = () => hasLeft || (signal?.aborted === true && !Array.isArray(items));

  /** How many items may be pulled now; 0 if something else has to happen first (B7). */
  function room(): number {
    if (!batches.hasRoom() || pulled - outcomes.passed() > MOST_OUTSTANDING - batchSize) return 0;
    const undecided = batches.undecided();
    const most = Math.min(batchSize, MOST_WAITING - batches.waiting() - undecided);
    // Not fewer because of items that may not have to wait.
    return most < batchSize && undecided > 0 ? 0 : Math.max(0, most);
  }

  async function untilRoom(): Promise<number> {
    for (;;) {
      const most = isOver() ? 0 : room();
      if (most > 0 || isOver()) return most;
      await changes.next();
    }
  }

  async function pump(): Promise<void> {
    for (;;) {
      const most = await untilRoom();
      const taken = most > 0 ? await source.take(most) : [];
      if (taken.length === 0 || hasLeft) return;
      const passengers = batches.open(taken.map((item, n) => ({ item, index: pulled + n })));
      pulled += taken.length;
      for (const passenger of passengers) perform(passenger, outcome => end(passenger, outcome));
    }
  }

  function end(passenger: Passenger<I>, outcome: ItemOutcome<unknown>): void {
    ended += 1;
    batches.end(passenger);
    if (!hasLeft) outcomes.put(passenger.index, outcome);
  }

  async function work(): Promise<void> {
    const forget = signal && !Array.isArray(items) ? onAbort(signal, stop) : () => {};
    let failure: { error: unknown } | undefined;
    try {
      await pump();
    } catch (error) {
      failure = { error };
    }
    forget();
    while (ended < pulled && !hasLeft) await changes.next();
    outcomes.end(pulled, failure);
  }

  void work();
  return outcomes.many;
}

/** Calls that go on after something has changed. */
function changing() {
  let notify = () => {};
  const next = () =>
    new Promise<void>(resolve => {
      notify = resolve;
    });
  return { notify: () => notify(), next };
}

/** Performs the call of an item, and says what came of it. Never throws. */
function performer<I>(many: Many<I>, batches: Batches<I>) {
  const scope = callScope(many.scope);
  const { signal } = many.settings;
  // The runs that calls of this one lead: the others with the same key share them (B3).
  const own = new WeakSet<SharedRun>();

  function answerOf(call: Call): Awaitable<unknown> {
    const { storeKey } = call;
    const shared = findRun(scope, storeKey);
    if (shared !== undefined) return own.has(shared) ? performTwin(call, shared) : perform(call);
    const answer = perform(call);
    const led = findRun(scope, storeKey);
    if (led !== undefined) own.add(led);
    return answer;
  }

  function callOf(passenger: Passenger<I>, { key, storeKey, settings }: ReadItem): Awaitable<unknown> {
    const kept = isQuiet(settings) ? scope.local?.peekCompleted(storeKey) : undefined;
    if (kept !== undefined) {
      passenger.attempt = kept.history?.attempt ?? 1;
      return replayKept(kept, key, settings, itemOutcome);
    }
    const fn = batches.seat(passenger);
    const parts = { key, storeKey, ttlMs: many.ttlMs, fn, answer: itemOutcome, settings, scope };
    return answerOf(createCall(parts, many.namespace));
  }

  return (passenger: Passenger<I>, end: (outcome: ItemOutcome<unknown>) => void): void => {
    let key: string | undefined;
    const fail = (reason: unknown) => {
      const { attempt, hasRun } = passenger;
      const isRefusal =
        key === undefined ||
        (isIdempotencyError(reason) ? reason.code !== "REPLAYED_ERROR" : signal?.aborted === true);
      end({ status: "rejected", reason, replayed: !hasRun && !isRefusal, key, attempt });
    };
    try {
      const read = many.read(passenger.item, passenger.index);
      key = read.key;
      const outcome = callOf(passenger, read);
      if (isPromise(outcome)) outcome.then(end as (outcome: unknown) => void, fail);
      else end(outcome as ItemOutcome<unknown>);
    } catch (error) {
      fail(error);
    }
  };
}

const itemOutcome: MakeAnswer = (value, replayed, persisted, attempt, key): ItemOutcome<unknown> => ({
  status: "fulfilled",
  value,
  replayed,
  persisted,
  key,
  attempt,
});

/** What is in this process's memory needs no gathering, and answers at once. */
function callScope(scope: StoreScope): CallScope {
  if (scope.local !== undefined) return scope;
  return { store: gatheredStore(scope.store), local: undefined, runs: scope.runs };
}
