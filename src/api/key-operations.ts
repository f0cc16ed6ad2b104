import { type Duration, parseDuration } from "../contract/duration.ts";
import { InvalidOptionError, isIdempotencyError } from "../contract/errors.ts";
import type { StoreOperation } from "../contract/events.ts";
import type { KeyState } from "../contract/idempotency.ts";
import { type Key, keyText, storeKey } from "../contract/key.ts";
import type { IdempotencyStore, StoreRecord } from "../contract/store.ts";
import { providerKey } from "../engine/execution.ts";
import { closeRun, findRun } from "../engine/shared-runs.ts";
import { inTime, isUnreadable, nonsense, storeError, yesOrNo } from "../engine/store-call.ts";
import { decodeOutcome, encodeResult, outcomeLimit } from "../results/outcome-text.ts";
import type { Awaitable } from "../util/awaitable.ts";
import { type Binding, boundScope } from "./binding.ts";

/** What is known of a key. */
export async function inspect(binding: Binding, key: Key): Promise<KeyState | undefined> {
  const text = keyText(key);
  const record = await read(binding, text);
  if (record === undefined) return undefined;
  const { status: state, attempt, runId, leaseInMs, expiresInMs, outcome } = record;
  const idempotencyKey = providerKey(storeKey(binding.namespace, text), runId);
  const known = outcome === undefined ? {} : peek(binding, outcome, text);
  return { state, attempt, idempotencyKey, leaseInMs, expiresInMs, ...known };
}

/** S11: removes the record that stands there now, and none that a later claim makes meanwhile. */
export async function forget(binding: Binding, key: Key): Promise<boolean> {
  const text = keyText(key);
  const scope = boundScope(binding);
  const at = storeKey(binding.namespace, text);
  const shared = findRun(scope, at);
  let seen: StoreRecord | undefined;
  try {
    seen = await read(binding, text);
    if (seen === undefined) return false;
  } catch (error) {
    // What cannot be read is removed as it is.
    if (!isUnreadable(error)) throw error;
  }
  const isGone = await ask(binding, "forget", text, store => store.forget(at, seen && seenOf(seen)));
  // Section 7: the next call runs, and does not join the run that was forgotten.
  if (isGone && shared !== undefined) closeRun(scope, at, shared);
  return yesOrNo("forget", isGone);
}

/** S11: completes the uncertain claim that stands there now. */
export async function resolve(binding: Binding, key: Key, ttl: Duration, value: unknown): Promise<boolean> {
  const ttlMs = parseDuration(ttl);
  const text = keyText(key);
  const { serializer, maxResultBytes } = binding.defaults;
  const maxBytes = outcomeLimit(maxResultBytes, boundScope(binding).store);
  const { text: outcome, failure } = encodeResult(value, serializer, maxBytes);
  if (failure !== undefined) {
    throw new InvalidOptionError("value: expected a result that can be stored", { cause: failure.error });
  }
  const seen = await read(binding, text);
  if (seen?.status !== "uncertain") return false;
  const at = storeKey(binding.namespace, text);
  return yesOrNo(
    "settle",
    await ask(binding, "settle", text, store => store.settle(at, outcome, ttlMs, seenOf(seen))),
  );
}

const seenOf = ({ runId, attempt }: StoreRecord) => ({ runId, attempt });

async function read(binding: Binding, text: string): Promise<StoreRecord | undefined> {
  const at = storeKey(binding.namespace, text);
  const record = await ask(binding, "read", text, store => store.read(at));
  if (record !== undefined && typeof record?.runId !== "string") {
    throw nonsense("read", "a StoreRecord or undefined", record);
  }
  return record;
}

/** One operation of the bound store, within its time. */
async function ask<T>(
  binding: Binding,
  operation: StoreOperation,
  text: string,
  question: (store: IdempotencyStore) => Awaitable<T>,
): Promise<T> {
  const scope = boundScope(binding);
  const at = { scope, storeKey: storeKey(binding.namespace, text) };
  try {
    return await inTime(at, question(scope.store), binding.defaults.storeTimeoutMs);
  } catch (error) {
    throw storeError(operation, error, text);
  }
}

/** What a completed key holds, as far as it can be read. */
function peek(binding: Binding, outcome: string, key: string): Pick<KeyState, "value" | "error"> {
  try {
    return { value: decodeOutcome(outcome, binding.defaults.serializer, key) };
  } catch (error) {
    return isIdempotencyError(error, "REPLAYED_ERROR") ? { error: error.original } : {};
  }
}
