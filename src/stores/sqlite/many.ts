import { isIdempotencyError } from "../../contract/errors.ts";
import type { Each } from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { asError } from "../shared/many.ts";
import type { Connection } from "./connection.ts";
import { isBusy } from "./database.ts";

/** Does it now if it can, or as soon as the database is not locked any more. */
export type Perform = <T>(act: () => T) => Awaitable<T>;

/**
 * B6: an operation on many keys is one transaction, and thus one commit. If some item fails in it, nothing of it stands,
 * and each is done as a transaction of its own. What `look` has an answer to needs none.
 */
export function manyAtOnce(connection: Connection, perform: Perform) {
  return <Item, T>(
    items: readonly Item[],
    act: (item: Item) => T,
    look: (item: Item) => T | undefined = () => undefined,
  ): Awaitable<readonly Each<T>[]> => {
    const alone = async (item: Item) => perform(() => act(item));
    const together = () => {
      const answers = items.map(item => answerOf(() => look(item)));
      const isOpen = answers.includes(undefined);
      const rest = () => answers.map((answer, n) => answer ?? answerOf(() => act(items[n]!)));
      return isOpen ? connection.together(rest) : (answers as Each<T>[]);
    };
    const all = () => {
      try {
        return together();
      } catch (error) {
        // What another process's writing holds up waits for that as a whole.
        if (isBusy(error)) throw error;
        return Promise.all(items.map(item => alone(item).catch(asError)));
      }
    };
    return perform(all) as Awaitable<readonly Each<T>[]>;
  };
}

/** What an item answers; a record that cannot be read is the failure of its item, and of no other. */
function answerOf<T>(act: () => T): Each<T> {
  try {
    return act();
  } catch (error) {
    if (isIdempotencyError(error, "RESULT_UNAVAILABLE")) return asError(error);
    throw error;
  }
}
