import { InvalidOptionError } from "../../contract/errors.ts";
import type { ItemOutcome, ManyOutcomes } from "../../contract/many.ts";

/** Puts outcomes into the order of their items, for who awaits all of them or reads one by one. */
export interface Outcomes {
  /** How many items before this one are dealt with: their outcomes were read, or are kept for who awaits all. */
  passed(): number;
  put(index: number, outcome: ItemOutcome<unknown>): void;
  /** Says how many items there are, and, where nothing more could be known of them, why. */
  end(count: number, failure?: { readonly error: unknown }): void;
  readonly many: ManyOutcomes<unknown>;
}

/** What a caller does with them. */
export interface Reading {
  /** Outcomes were taken. */
  taken(): void;
  /** The reader has left. */
  left(): void;
}

/** A promise that learns that somebody awaits it, since `await` calls `then` of what is no plain promise. */
class Awaited<T> extends Promise<T> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }
  onAwait: (() => void) | undefined;

  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.onAwait?.();
    return super.then(onFulfilled, onRejected);
  }
}

const READ = "executeMany: expected its outcomes to be awaited or read one by one; got both";

const DROP_AT = 1_000;

/** B7: keeps outcomes until they are taken. */
export function outcomesFor({ taken, left }: Reading): Outcomes {
  // From the item at `base` on: what was read is dropped now and then.
  let kept: (ItemOutcome<unknown> | undefined)[] = [];
  let base = 0;
  let use: "awaited" | "read" | undefined;
  let next = 0;
  let count: number | undefined;
  let failure: { readonly error: unknown } | undefined;
  let resolve: (outcomes: ItemOutcome<unknown>[]) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  let wake = () => {};
  let hasLeft = false;

  const all = new Awaited<ItemOutcome<unknown>[]>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  all.onAwait = () => {
    if (use !== undefined) return;
    use = "awaited";
    goOn();
    taken();
  };

  function goOn(): void {
    wake();
    if (use === "awaited") while (kept[next] !== undefined) next += 1;
    // Also if nobody awaits it: the process then learns of a rejection that nobody handles.
    if (failure !== undefined && count !== undefined && use !== "read") reject(failure.error);
    else if (use === "awaited" && next === count) resolve([...kept] as ItemOutcome<unknown>[]);
  }

  function pass(): void {
    kept[next - base] = undefined;
    next += 1;
    if (next - base < DROP_AT) return;
    kept = kept.slice(DROP_AT);
    base = next;
  }

  async function* read(): AsyncGenerator<ItemOutcome<unknown>, void, undefined> {
    while (next !== count && !hasLeft) {
      const outcome = kept[next - base];
      if (outcome === undefined) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      } else {
        pass();
        taken();
        yield outcome;
      }
    }
    if (failure !== undefined && !hasLeft) throw failure.error;
  }

  /** A generator that has not begun, or waits, would not learn that its reader leaves. */
  function reading(): AsyncIterator<ItemOutcome<unknown>> & AsyncIterable<ItemOutcome<unknown>> {
    const outcomes = read();
    const reader = {
      next: () => outcomes.next(),
      return() {
        hasLeft = true;
        left();
        wake();
        return outcomes.return();
      },
      [Symbol.asyncIterator]: () => reader,
    };
    return reader;
  }

  let reader: ReturnType<typeof reading> | undefined;
  const many: ManyOutcomes<unknown> = Object.assign(all, {
    [Symbol.asyncIterator]() {
      if (reader === undefined) {
        use = "read";
        next = 0;
        reader = reading();
        all.catch(() => {});
        reject(new InvalidOptionError(READ));
      }
      return reader;
    },
  });

  return {
    passed: () => next,
    put(index, outcome) {
      kept[index - base] = outcome;
      goOn();
    },
    end(number, why) {
      count = number;
      failure = why;
      goOn();
    },
    many,
  };
}
