import { invalidOption } from "../../contract/validate.ts";
import { isPromise } from "../../util/awaitable.ts";

/** Where items come from. */
export interface Source<I> {
  /** The next items, at most so many: as many as there are soon, and none only at the end. */
  take(most: number): Promise<I[]>;
  /** Has `take` go on with what has come. */
  interrupt(): void;
  /** Nothing more is wanted; answers whether there may have been more. */
  end(): boolean;
}

// How long items that have come wait for more.
const LINGER_MS = 20;

const INTERRUPTED = /* @__PURE__ */ Symbol();

/** Asks for items as they are needed, one at a time. */
export function sourceOf<I>(items: Iterable<I> | AsyncIterable<I>): Source<I> {
  const { [Symbol.asyncIterator]: arriving } = items as Partial<AsyncIterable<I>>;
  const iterator = arriving?.call(items) ?? (items as Iterable<I>)[Symbol.iterator]();
  // What was asked for, and has not come.
  let asked: ReturnType<typeof iterator.next> | undefined;
  let isOver = false;
  let failure: { readonly error: unknown } | undefined;
  let interrupt = () => {};

  return {
    async take(most) {
      const taken: I[] = [];
      const interrupted = new Promise<typeof INTERRUPTED>(resolve => {
        interrupt = () => resolve(INTERRUPTED);
      });
      let lingering: ReturnType<typeof setTimeout> | undefined;
      try {
        while (!isOver && taken.length < most) {
          asked ??= iterator.next();
          const next = isPromise(asked) ? await Promise.race([asked, interrupted]) : asked;
          if (next === INTERRUPTED) break;
          if (isPromise(asked)) lingering ??= setTimeout(() => interrupt(), LINGER_MS);
          asked = undefined;
          if (Object(next) !== next) invalidOption("items", "an iterator that gives { done, value }", next);
          if (next.done) isOver = true;
          else taken.push(next.value);
        }
      } catch (error) {
        isOver = true;
        failure = { error };
      }
      clearTimeout(lingering);
      // What came before a failure is dealt with first.
      if (failure !== undefined && taken.length === 0) throw failure.error;
      return taken;
    },
    interrupt: () => interrupt(),
    end() {
      if (isOver) return false;
      isOver = true;
      // A generator that is busy ends once it is not.
      (async () => iterator.return?.())().catch(() => {});
      return true;
    },
  };
}
