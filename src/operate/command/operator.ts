import { parseDuration } from "../../contract/duration.ts";
import { InvalidOptionError } from "../../contract/errors.ts";
import type { StoreOperation } from "../../contract/events.ts";
import type { IdempotencyStore, ListQuery, Seen, StoreRecord } from "../../contract/store.ts";
import { inTime, isUnreadable, storeError, yesOrNo } from "../../engine/store-call.ts";
import { encodeResult } from "../../results/outcome-text.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { type ShownKey, shownKey } from "./shown-key.ts";

const TIMEOUT_MS = 5_000;

/** A record as an operator has seen it, and the claim that what is done next is about (S11). */
export interface SeenKey {
  readonly shown: ShownKey;
  readonly seen: Seen;
}

/** What is done to the keys of a store, by their names in it: whatever their namespace. */
export interface Operator {
  list(query: Pick<ListQuery, "prefix" | "status" | "olderThanMs">): AsyncIterable<ShownKey>;
  read(storeKey: string): Promise<SeenKey | undefined>;
  resolve(key: SeenKey, ttl: string, value: unknown): Promise<boolean>;
  reopen(key: SeenKey): Promise<boolean>;
  /** Without what was seen, it removes a record that nobody can read. */
  forget(storeKey: string, key: SeenKey | undefined): Promise<boolean>;
}

export function operatorOf(store: IdempotencyStore): Operator {
  async function ask<T>(
    operation: StoreOperation,
    storeKey: string,
    question: () => Awaitable<T>,
  ): Promise<T> {
    try {
      return await inTime({ scope: { store }, storeKey }, question(), TIMEOUT_MS);
    } catch (error) {
      throw storeError(operation, error, storeKey);
    }
  }
  const yes = async (operation: StoreOperation, storeKey: string, question: () => Awaitable<boolean>) =>
    yesOrNo(operation, await ask(operation, storeKey, question));

  return {
    async *list(query) {
      if (store.list === undefined)
        throw new InvalidOptionError("store: expected one that can list its keys");
      try {
        for await (const { key, ...record } of store.list({ ...query, timeoutMs: TIMEOUT_MS })) {
          yield shownKey(key, record);
        }
      } catch (error) {
        throw storeError("list", error, undefined);
      }
    },
    async read(storeKey) {
      const record = await ask("read", storeKey, () => store.read(storeKey));
      return record && { shown: shownKey(storeKey, record), seen: seenOf(record) };
    },
    resolve({ shown: { storeKey }, seen }, ttl, value) {
      const { text, failure } = encodeResult(value, undefined);
      if (failure !== undefined) throw failure.error;
      const ttlMs = parseDuration(ttl as never);
      return yes("settle", storeKey, () => store.settle(storeKey, text, ttlMs, seen));
    },
    reopen: ({ shown: { storeKey }, seen }) => yes("reopen", storeKey, () => store.reopen(storeKey, seen)),
    forget: (storeKey, key) => yes("forget", storeKey, () => store.forget(storeKey, key?.seen)),
  };
}

const seenOf = ({ runId, attempt }: StoreRecord): Seen => ({ runId, attempt });

export { isUnreadable };
