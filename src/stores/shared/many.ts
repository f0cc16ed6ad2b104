import type { Each } from "../../contract/store.ts";
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
