import type { Each } from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { reasonOf } from "../../util/describe.ts";

/** B6: does it for each item in turn: what it answers, or the error that it throws. */
export function each<Item, T>(items: readonly Item[], act: (item: Item, index: number) => T): Each<T>[] {
  return items.map((item, index) => {
    try {
      return act(item, index);
    } catch (error) {
      return asError(error);
    }
  });
}

/** What stands in an item's place for whatever its operation failed with. */
export function asError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) return thrown;
  } catch {
    // A revoked proxy, say.
  }
  return new Error(reasonOf(thrown), { cause: thrown });
}

/** Lets so many run at once; the others wait for their turn. */
export function atMost(count: number): <T>(act: () => Awaitable<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = count;
  return async act => {
    if (free > 0) free--;
    else await new Promise<void>(resolve => waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
