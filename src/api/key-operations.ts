import { type Duration, parseDuration } from "../contract/duration.ts";
import { InvalidOptionError, isIdempotencyError } from "../contract/errors.ts";
import type { StoreOperation } from "../contract/events.ts";
import type { KeyEntry, KeyState } from "../contract/idempotency.ts";
import type { Key } from "../contract/key.ts";
import type { IdempotencyStore, Seen, StoreRecord } from "../contract/store.ts";
import { providerKey } from "../engine/execution.ts";
import { closeRun, findRun } from "../engine/shared-runs.ts";
import { inTime, isUnreadable, nonsense, storeError, yesOrNo } from "../engine/store-call.ts";
import { decodeOutcome, encodeResult, outcomeLimit } from "../results/outcome-text.ts";
import { type Awaitable, disown } from "../util/awaitable.ts";
import { reasonOf } from "../util/describe.ts";
import { uuidOf } from "../util/uuid.ts";
import { type Binding, boundScope } from "./binding.ts";
import { type Target, targetOf } from "./target.ts";

/** What is known of a key. */
export async function inspect(binding: Binding, key: Key | KeyEntry): Promise<KeyState | undefined> {
  const target = targetOf(binding.namespace, key);
  const record = await read(binding, target);
  return record && keyState(binding, target, record);
}

/** What a record says of its key. */
export function keyState(
  binding: Binding,
  { text, storeKey }: Pick<Target, "text" | "storeKey">,
  record: StoreRecord,
): KeyState {
  const { status: state, attempt, runId, leaseInMs, expiresInMs, outcome } = record;
  const idempotencyKey = providerKey(storeKey, runId);
  const idempotencyUuid = uuidOf(idempotencyKey);
  const claimedAt = new Date(record.claimedAt);
  const known = outcome === undefined ? {} : peek(binding, outcome, text);
  return { state, attempt, idempotencyKey, idempotencyUuid, claimedAt, leaseInMs, expiresInMs, ...known };
}

/** S11: removes the record that was seen, or that stands there now, and none that a later claim makes meanwhile. */
export async function forget(binding: Binding, key: Key | KeyEntry): Promise<boolean> {
  const target = targetOf(binding.namespace, key);
  const { storeKey } = target;
  const scope = boundScope(binding);
  let seen: Seen | undefined;
  try {
    const record = target.seen ?? (await read(binding, target));
    if (record === undefined) return false;
    seen = { runId: record.runId, attempt: record.attempt };
  } catch (error) {
    // What cannot be read is removed as it is.
    if (!isUnreadable(error)) throw error;
  }
  // Only now: the run that is forgotten may have begun while the store was read.
  const shared = findRun(scope, storeKey);
  const isGone = await ask(binding, "forget", target, store => store.forget(storeKey, seen));
  // Section 7: the next call runs, and does not join the run that was forgotten.
  if (isGone && shared !== undefined) closeRun(scope, storeKey, shared);
  return yesOrNo("forget", isGone);
}

/** S11: completes the uncertain claim that was seen, or that stands there now. */
export async function resolve(
  binding: Binding,
  key: Key | KeyEntry,
  ttl: Duration,
  value: unknown,
): Promise<boolean> {
  const ttlMs = parseDuration(ttl);
  const target = targetOf(binding.namespace, key);
  const { defaults } = binding;
  const maxBytes = outcomeLimit(defaults, boundScope(binding).store);
  const { text: outcome, failure } = encodeResult(value, defaults.serializer, maxBytes);
  if (failure !== undefined) {
    const { error: cause } = failure;
    const message = `value: expected a result that can be stored; got ${reasonOf(cause)}`;
    disown(value);
    throw new InvalidOptionError(message, { cause });
  }
  return settleUncertain(binding, "settle", target, (store, seen) =>
    store.settle(target.storeKey, outcome, ttlMs, seen),
  );
}

/** S11: releases the uncertain claim that was seen, or that stands there now. */
export async function reopen(binding: Binding, key: Key | KeyEntry): Promise<boolean> {
  const target = targetOf(binding.namespace, key);
  return settleUncertain(binding, "reopen", target, (store, seen) => store.reopen(target.storeKey, seen));
}

async function settleUncertain(
  binding: Binding,
  operation: "settle" | "reopen",
  target: Target,
  act: (store: IdempotencyStore, seen: Seen) => Awaitable<boolean>,
): Promise<boolean> {
  const seen = target.seen ?? (await readUncertain(binding, target));
  if (seen === undefined) return false;
  return yesOrNo(operation, await ask(binding, operation, target, store => act(store, seen)));
}

async function readUncertain(binding: Binding, target: Target): Promise<Seen | undefined> {
  const record = await read(binding, target);
  return record?.status === "uncertain" ? seenOf(record) : undefined;
}

const seenOf = ({ runId, attempt }: StoreRecord): Seen => ({ runId, attempt });

async function read(binding: Binding, target: Target): Promise<StoreRecord | undefined> {
  const record = await ask(binding, "read", target, store => store.read(target.storeKey));
  if (record !== undefined && typeof record?.runId !== "string") {
    throw nonsense("read", "a StoreRecord or undefined", record);
  }
  return record;
}

/** One operation of the bound store, within its time. */
async function ask<T>(
  binding: Binding,
  operation: StoreOperation,
  { storeKey, text }: Target,
  question: (store: IdempotencyStore) => Awaitable<T>,
): Promise<T> {
  const scope = boundScope(binding);
  try {
    return await inTime({ scope, storeKey }, question(scope.store), binding.defaults.storeTimeoutMs);
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
