import type {
  ClaimItem,
  ClaimResult,
  CompleteItem,
  Each,
  IdempotencyStore,
  ReleaseItem,
  RenewItem,
} from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { asError, atMost } from "../shared/many.ts";
import { claimResult } from "../sql/record.ts";
import { rowOf } from "./connection.ts";
import type { AskD1, Asked, Rows } from "./d1-client.ts";
import { askPurging, claimStatements } from "./d1-operations.ts";
import type { PurgeAlong } from "./purge-along.ts";
import type { SqliteForms } from "./statements.ts";

type Single = Pick<IdempotencyStore, "claim" | "renew" | "complete" | "release">;

// A transaction of some ten milliseconds, which holds up all others; and a request of a few megabytes.
const ITEMS = 100;
const CHARACTERS = 1_000_000;
// A Worker may have six connections open at once.
const LANES = 4;

/**
 * B6: the operations on many keys, a hundred items in a round trip and a transaction. What a statement there does not
 * answer, or fails with for the sake of one item, goes on as a `single` operation.
 */
export function d1Many(ask: AskD1, forms: SqliteForms, along: PurgeAlong, single: Single) {
  const did =
    <Item>(statementOf: (item: Item) => Asked) =>
    async (items: readonly Item[]): Promise<(true | undefined)[]> =>
      (await ask(...items.map(statementOf))).map(rows => (rows.length > 0 ? true : undefined));

  async function claimTogether(items: readonly ClaimItem[]): Promise<(Each<ClaimResult> | undefined)[]> {
    const asked = items.flatMap(({ key, request }) => claimStatements(forms, key, request));
    const answers = await askPurging(ask, forms, along, asked, items.length);
    return items.map((_, n) => claimed(answers[2 * n]!, answers[2 * n + 1]!));
  }

  return {
    claimMany: (items: readonly ClaimItem[]) =>
      answersTo(items, claimTogether, ({ key, request }) => single.claim(key, request)),
    renewMany: (items: readonly RenewItem[]) =>
      answersTo(
        items,
        did(({ key, token, leaseMs }) => [forms.renew, { key, token, lease: leaseMs }]),
        ({ key, token, leaseMs }) => single.renew(key, token, leaseMs),
      ),
    completeMany: (items: readonly CompleteItem[]) =>
      answersTo(
        items,
        did(({ key, token, outcome, ttlMs }) => [forms.completeInTime, { key, token, outcome, ttl: ttlMs }]),
        ({ key, token, outcome, ttlMs }) => single.complete(key, token, outcome, ttlMs),
      ),
    releaseMany: (items: readonly ReleaseItem[]) =>
      answersTo(
        items,
        did(({ key, token }) => [forms.release, { key, token }]),
        ({ key, token }) => single.release(key, token),
      ),
  };
}

function claimed(taken: Rows, blocked: Rows): Each<ClaimResult> | undefined {
  const row = taken[0] ?? blocked[0];
  if (row === undefined) return undefined;
  try {
    return claimResult(rowOf(row));
  } catch (error) {
    return asError(error);
  }
}

/** Each answer in its place. A key that stands there twice has its turns in order, in one transaction or alone. */
async function answersTo<Item extends { key: string; outcome?: string }, T>(
  items: readonly Item[],
  together: (items: readonly Item[]) => Promise<(Each<T> | undefined)[]>,
  alone: (item: Item) => Awaitable<T>,
): Promise<Each<T>[]> {
  const inLane = atMost(LANES);
  const askAlone = (item: Item): Promise<Each<T>> => inLane(() => alone(item)).catch(asError);
  const answersOf = async (part: readonly Item[]) => {
    const given = await inLane(() => together(part)).catch((error): (Each<T> | undefined)[] =>
      part.map(() => (isOfOne(error) ? undefined : asError(error))),
    );
    return Promise.all(part.map((item, n) => given[n] ?? askAlone(item)));
  };
  return (await Promise.all(partsOf(items).map(answersOf))).flat();
}

/** The items in their order, as many together as one round trip should take. */
function partsOf<Item extends { outcome?: string }>(items: readonly Item[]): Item[][] {
  const parts: Item[][] = [];
  let room = 0;
  for (const item of items) {
    const size = item.outcome?.length ?? 0;
    const last = parts.at(-1);
    if (last === undefined || last.length === ITEMS || room < size) {
      parts.push([item]);
      room = CHARACTERS - size;
    } else {
      last.push(item);
      room -= size;
    }
  }
  return parts;
}

/** Whether a transaction failed for what stands in one item, such as a text that is too large. */
function isOfOne(error: unknown): boolean {
  return error instanceof Error && /SQLITE_(TOOBIG|CONSTRAINT|MISMATCH)|D1_TYPE_ERROR/.test(error.message);
}
