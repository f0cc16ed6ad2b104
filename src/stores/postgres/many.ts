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
import { claimValues } from "../sql/operations.ts";
import { claimResult, firstClaim, seenResult, storeRecord } from "../sql/record.ts";
import type { BatchItem } from "./batch-statements.ts";
import { channelOf, hintOf } from "./hints.ts";
import type { AskEach, ManyOperation } from "./many-statements.ts";
import { recordRow } from "./operations.ts";

type Single = Pick<IdempotencyStore, "claim" | "renew" | "complete" | "release">;
/** The answers of joined statements; undefined for what has to be asked alone. */
type Answers<T> = (Each<T> | undefined)[];

// As many as the engine has under way without operations on many keys.
const ALONE = 64;

/**
 * B6: the operations on many keys, by a few statements each. A key that another transaction has locked ends as an
 * `Error`, after a short wait. What is unusual goes on as a single operation: a key that stands there twice, a large
 * result, a record that has come or gone in between. With a `table`, whatever ends a claim notifies the other processes.
 */
export function postgresMany(ask: AskEach, single: Single, table?: string) {
  const channel = table === undefined ? undefined : channelOf(table);
  const withHint = (item: BatchItem) => ({ ...item, channel, hint: channel && hintOf(item.key) });

  async function claimTogether(items: readonly ClaimItem[]): Promise<Answers<ClaimResult>> {
    const values = items.map(({ key, request }) => claimValues(key, request) as BatchItem);
    const answers = read(await ask("claim", values), (row, n) =>
      row[0] === null ? firstClaim(items[n]!.request) : seenResult(recordRow(row)),
    );
    // Past its time, released, uncertain or its own: or with a result that is read alone.
    return fill(answers, async places => {
      const some = places.map(n => values[n]!);
      return read(await ask("take", some), row => claimResult(recordRow(row)));
    });
  }

  /** Whether each did it; a record that nobody can read is no reason to say no. */
  async function did(operation: ManyOperation, items: readonly BatchItem[]): Promise<Answers<boolean>> {
    const answers: Answers<boolean> = read(await ask(operation, items.map(withHint)), () => true);
    return fill(answers, async places => {
      const some = places.map(n => items[n]!);
      return read(await ask("check", some), refuse).map(answer => answer ?? false);
    });
  }

  async function renewTogether(items: readonly RenewItem[]): Promise<Answers<boolean>> {
    const isHeld = ({ leaseMs }: RenewItem) => leaseMs === 0;
    const [held, renewed] = await Promise.all([
      did("hold", items.filter(isHeld).map(renewal)),
      did("renew", items.filter(item => !isHeld(item)).map(renewal)),
    ]);
    return items.map(item => (isHeld(item) ? held : renewed).shift());
  }

  return {
    claimMany: (items: readonly ClaimItem[]) =>
      answersTo(items, claimTogether, ({ key, request }) => single.claim(key, request)),
    renewMany: (items: readonly RenewItem[]) =>
      answersTo(items, renewTogether, ({ key, token, leaseMs }) => single.renew(key, token, leaseMs)),
    completeMany: (items: readonly CompleteItem[]) =>
      answersTo(
        items,
        some => did("complete", some.map(completion)),
        ({ key, token, outcome, ttlMs }) => single.complete(key, token, outcome, ttlMs),
      ),
    releaseMany: (items: readonly ReleaseItem[]) =>
      answersTo(
        items,
        some => did("release", some.map(ending)),
        ({ key, token }) => single.release(key, token),
      ),
  };
}

const ending = ({ key, token }: ReleaseItem): BatchItem => ({ key, token });
const renewal = (item: RenewItem): BatchItem => ({ ...ending(item), lease: item.leaseMs });
const completion = (item: CompleteItem): BatchItem => ({
  ...ending(item),
  outcome: item.outcome,
  ttl: item.ttlMs,
});

/** Each answer in its place: a key stands once in what is done together, and its twins are asked alone. */
async function answersTo<Item extends { key: string }, T>(
  items: readonly Item[],
  together: (items: readonly Item[]) => Promise<Answers<T>>,
  alone: (item: Item) => Awaitable<T>,
): Promise<Each<T>[]> {
  const places = firstPlaces(items);
  const given = await together(places.map(n => items[n]!));
  const answers: Answers<T> = items.map(() => undefined);
  const failures = new Map<string, Error>();
  for (const [at, n] of places.entries()) {
    const answer = given[at];
    answers[n] = answer;
    if (answer instanceof Error) failures.set(items[n]!.key, answer);
  }
  // What made a key fail is in its twins' way too.
  if (failures.size > 0) for (const [n, { key }] of items.entries()) answers[n] ??= failures.get(key);
  const inTurn = atMost(ALONE);
  const filled = await fill(answers, places =>
    Promise.all(places.map(n => inTurn(() => alone(items[n]!)).catch(asError))),
  );
  return filled as Each<T>[];
}

/** Where each key stands first. */
function firstPlaces(items: readonly { key: string }[]): number[] {
  const places = new Map<string, number>();
  for (const [n, { key }] of items.entries()) if (!places.has(key)) places.set(key, n);
  return [...places.values()];
}

/** Asks for the answers that are not there, by their places. */
async function fill<T>(
  answers: Answers<T>,
  ask: (places: readonly number[]) => Promise<Answers<T>>,
): Promise<Answers<T>> {
  const places = [...answers.keys()].filter(n => answers[n] === undefined);
  if (places.length === 0) return answers;
  const given = await ask(places);
  for (const [at, n] of places.entries()) answers[n] = given[at];
  return answers;
}

/** What the rows say, where there is one. */
function read<T>(
  rows: Awaited<ReturnType<AskEach>>,
  say: (row: readonly unknown[], n: number) => T | undefined,
): Answers<T> {
  return rows.map((row, n) => {
    if (row === undefined || row instanceof Error) return row;
    try {
      return say(row, n);
    } catch (error) {
      return asError(error);
    }
  });
}

/** No, unless the record cannot be read. */
function refuse(row: readonly unknown[]): false {
  storeRecord(recordRow(row));
  return false;
}
