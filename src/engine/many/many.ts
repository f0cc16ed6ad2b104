import { isIdempotencyError } from "../../contract/errors.ts";
import type { BatchFn, ItemOutcome, ManyOutcomes } from "../../contract/many.ts";
import type { Settings } from "../../contract/options.ts";
import type { Settled } from "../../stores/memory/records.ts";
import { type Awaitable, isPromise } from "../../util/awaitable.ts";
import { onAbort } from "../../util/on-abort.ts";
import { drawTokens } from "../../util/token.ts";
import { isQuiet, replayKept } from "../answers.ts";
import { createCall, type MakeAnswer } from "../call.ts";
import { perform } from "../perform.ts";
import type { CallScope, StoreScope } from "../shared-runs.ts";
import { type Batches, batchesOf, type Passenger, type Placed } from "./batches.ts";
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
  read(item: I, index: number): ReadItem<I>;
}

/** An item, and what is its own of its call. */
interface ReadItem<I> extends Placed<I> {
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
  const begin = performer(many, batches, finish);
  let hasLeft = false;
  let pulled = 0;
  let ended = 0;

  const outcomes = outcomesFor({
    taken: changes.notify,
    left() {
      hasLeft = true;
      interrupt();
    },
  });

  function interrupt(): void {
    source.interrupt();
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
      // Others may have taken the room meanwhile.
      while (!batches.hasRoom() && !isOver()) await changes.next();
      if (taken.length === 0 || hasLeft) return;
      const first = pulled;
      pulled += taken.length;
      begin(taken, first);
    }
  }

  function finish(index: number, outcome: ItemOutcome<unknown>): void {
    ended += 1;
    changes.notify();
    if (!hasLeft) outcomes.put(index, outcome);
  }

  async function work(): Promise<void> {
    const forget = signal && onAbort(signal, interrupt);
    let failure: { error: unknown } | undefined;
    try {
      await pump();
    } catch (error) {
      failure = { error };
    }
    forget?.();
    const isCut = isOver() && source.end();
    while (ended < pulled && !hasLeft) await changes.next();
    outcomes.end(pulled, isCut ? { error: signal?.reason } : failure);
  }

  void work();
  return outcomes.many;
}

/** Wakes who waits for the next change. */
function changing() {
  let wake: (() => void) | undefined;
  return {
    notify() {
      wake?.();
      wake = undefined;
    },
    next: () =>
      new Promise<void>(resolve => {
        wake = resolve;
      }),
  };
}

/** Performs the calls of items, whose outcomes go to `finish`. Never throws. */
function performer<I>(
  many: Many<I>,
  batches: Batches<I>,
  finish: (index: number, outcome: ItemOutcome<unknown>) => void,
) {
  const scope = callScope(many.scope);
  const { ttlMs, namespace } = many;

  /** The items that a call is to be performed for: the others have their outcomes. */
  function unanswered(items: readonly I[], first: number): ReadItem<I>[] {
    const left: ReadItem<I>[] = [];
    for (let n = 0; n < items.length; n++) {
      const index = first + n;
      try {
        const read = many.read(items[n]!, index);
        const kept = isQuiet(read.settings) ? scope.local?.peekCompleted(read.storeKey) : undefined;
        if (kept === undefined) left.push(read);
        else finish(index, keptOutcome(read, kept));
      } catch (reason) {
        finish(index, rejected(reason));
      }
    }
    return left;
  }

  function end(passenger: Passenger<I>, outcome: ItemOutcome<unknown>): void {
    batches.end(passenger);
    finish(passenger.index, outcome);
  }

  function act(passenger: Passenger<I>, read: ReadItem<I>, token: string | undefined): void {
    const { key, storeKey, settings } = read;
    const fail = (reason: unknown) =>
      end(passenger, rejected(reason, key, passenger.attempt, passenger.sharesFailure));
    try {
      const parts = { key, storeKey, ttlMs, fn: passenger, answer: itemOutcome, settings, scope };
      const answer = perform(createCall(parts, namespace, token)) as Outcome;
      if (isPromise(answer)) answer.then(outcome => end(passenger, outcome), fail);
      else end(passenger, answer);
    } catch (error) {
      fail(error);
    }
  }

  return (items: readonly I[], first: number): void => {
    const left = unanswered(items, first);
    if (left.length === 0) return;
    // Section 10: drawn for claims that are made now, when no code of the caller's comes between.
    const tokens = scope.local === undefined ? drawTokens(left.length) : [];
    const passengers = batches.open(left);
    for (let n = 0; n < left.length; n++) act(passengers[n]!, left[n]!, tokens[n]);
  };
}

function keptOutcome<I>({ key, settings }: ReadItem<I>, kept: Settled): ItemOutcome<unknown> {
  try {
    return replayKept(kept, key, settings, itemOutcome) as ItemOutcome<unknown>;
  } catch (reason) {
    return rejected(reason, key, kept.history?.attempt ?? 1);
  }
}

function rejected(reason: unknown, key?: string, attempt = 0, isShared = false): ItemOutcome<unknown> {
  const replayed = isShared || isIdempotencyError(reason, "REPLAYED_ERROR");
  return { status: "rejected", reason, replayed, key, attempt };
}

type Outcome = Awaitable<ItemOutcome<unknown>>;

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
