import { isIdempotencyError } from "../../contract/errors.ts";
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
import { storableText } from "../shared/record.ts";
import { claimValues } from "../sql/operations.ts";
import { claimResult } from "../sql/record.ts";
import { type BatchItem, partsOf, type WriteBatch } from "./batch-statements.ts";
import { errnoOf } from "./client.ts";
import { recordRow } from "./operations.ts";
import { type Send, textOf } from "./server.ts";

type Single = Pick<IdempotencyStore, "claim" | "renew" | "complete" | "release" | "read">;
/** The answers of joined statements; undefined for what has to be asked alone. */
type Answers<T> = (Each<T> | undefined)[];

// As many as the engine has under way without operations on many keys.
const ALONE = 64;
const LANES = 4;

/**
 * B6: the operations on many keys, by one to four statements for each 256. A key that another transaction has locked ends
 * as an `Error`, after a short wait. What is unusual goes on as a `single` operation: a key that stands there twice, a
 * large result, a claim that was lost, all of a statement that fails.
 */
export function mysqlMany(send: Send, write: WriteBatch, single: Single) {
  const rowsOf = async (operation: "met" | "owners", items: readonly BatchItem[]) => {
    const { rows } = await send(write(operation, items));
    return new Map(rows.map(([key, ...row]) => [textOf(key), row]));
  };

  async function claimTogether(items: readonly BatchItem[]): Promise<Answers<ClaimResult>> {
    await send(write("insert", items));
    const met = await rowsOf("met", items);
    // Past its time, released or uncertain; or with a result that is read alone.
    const rest = items.filter(({ key }) => !met.has(storableText(key)));
    if (rest.length > 0) {
      await send(write("retake", rest));
      for (const [key, row] of await rowsOf("met", rest)) met.set(key, row);
    }
    return items.map(({ key }) => {
      const row = met.get(storableText(key));
      return row && answerOf(() => claimResult(recordRow(row)));
    });
  }

  /** All of them if the server says that it did as many: once more by its own token, each says so again alone. */
  const did = (operation: "renew" | "complete") => async (items: readonly BatchItem[]) => {
    const { affected } = await send(write(operation, items));
    return items.map(() => (affected === items.length ? true : undefined));
  };

  async function releaseTogether(items: readonly BatchItem[]): Promise<Answers<boolean>> {
    const owners = await rowsOf("owners", items);
    const isOwner = ({ key }: BatchItem) => owners.has(storableText(key));
    const held = items.filter(isOwner);
    const affected = held.length > 0 ? (await send(write("release", held))).affected : 0;
    if (affected === held.length) return items.map(item => isOwner(item) || undefined);
    // One of them was lost just now, and nobody says which.
    return Promise.all(items.map(item => (isOwner(item) ? isFree(item) : undefined)));
  }

  /** Whether nobody holds any more what was held by the token a moment ago. */
  async function isFree({ key, token }: BatchItem): Promise<Each<boolean>> {
    try {
      return (await single.release(key, token!)) || (await single.read(key))?.status === "released";
    } catch (error) {
      return asError(error);
    }
  }

  return {
    claimMany: (items: readonly ClaimItem[]) =>
      answersTo(items, asClaim, claimTogether, ({ key, request }) => single.claim(key, request)),
    renewMany: (items: readonly RenewItem[]) =>
      answersTo(items, asRenewal, did("renew"), ({ key, token, leaseMs }) =>
        single.renew(key, token, leaseMs),
      ),
    completeMany: (items: readonly CompleteItem[]) =>
      answersTo(items, asCompletion, did("complete"), ({ key, token, outcome, ttlMs }) =>
        single.complete(key, token, outcome, ttlMs),
      ),
    releaseMany: (items: readonly ReleaseItem[]) =>
      answersTo(items, asRelease, releaseTogether, ({ key, token }) => single.release(key, token)),
  };
}

const asClaim = ({ key, request }: ClaimItem): BatchItem => ({ ...claimValues(key, request), key });
const asRelease = ({ key, token }: ReleaseItem): BatchItem => ({ key, token });
const asRenewal = ({ key, token, leaseMs }: RenewItem): BatchItem => ({ key, token, lease: leaseMs });
const asCompletion = ({ key, token, outcome, ttlMs }: CompleteItem): BatchItem => ({
  key,
  token,
  outcome,
  ttl: ttlMs,
});

/** Each answer in its place: a key stands once in what is done together, and its twins are asked alone after it. */
async function answersTo<Item extends { key: string }, T>(
  items: readonly Item[],
  valuesOf: (item: Item) => BatchItem,
  together: (items: readonly BatchItem[]) => Promise<Answers<T>>,
  alone: (item: Item) => Awaitable<T>,
): Promise<Each<T>[]> {
  const places = firstPlaces(items);
  const inLane = atMost(LANES);
  const asked = partsOf(places.map(n => valuesOf(items[n]!))).map(part =>
    inLane(() => together(part)).catch((error): Answers<T> => part.map(() => failure(error))),
  );
  const given = (await Promise.all(asked)).flat();
  const answers: Answers<T> = items.map(() => undefined);
  for (const [at, n] of places.entries()) answers[n] = given[at];
  const failed = new Map(
    places.map(n => [items[n]!.key, answers[n]]).filter(([, answer]) => answer instanceof Error) as [
      string,
      Error,
    ][],
  );
  const inTurn = atMost(ALONE);
  const ask = (item: Item) => inTurn(() => alone(item)).catch(asError);
  // What made a key fail is in its twins' way too.
  return Promise.all(items.map((item, n) => answers[n] ?? failed.get(item.key) ?? ask(item)));
}

/** Where each key stands first. */
function firstPlaces(items: readonly { key: string }[]): number[] {
  const places = new Map<string, number>();
  for (const [n, { key }] of items.entries()) if (!places.has(key)) places.set(key, n);
  return [...places.values()];
}

// What the server says of the table, the user or itself, and of no single key.
const OF_ALL: readonly unknown[] = [1044, 1046, 1053, 1054, 1142, 1146, 1290, 1317, 1792];

/** What stands in the place of each key of a statement that failed: undefined if each may fare otherwise alone. */
function failure(error: unknown): Error | undefined {
  const errno = errnoOf(error) ?? errnoOf((error as { cause?: unknown }).cause);
  const isOfOne = errno === undefined ? isIdempotencyError(error, "STORE_ERROR") : Number(errno) >= 1000;
  return isOfOne && !OF_ALL.includes(errno) ? undefined : asError(error);
}

function answerOf<T>(act: () => T): Each<T> {
  try {
    return act();
  } catch (error) {
    return asError(error);
  }
}
