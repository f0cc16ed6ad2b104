import { parseDuration } from "../contract/duration.ts";
import { fingerprint } from "../contract/fingerprint.ts";
import { keyText, storeKey } from "../contract/key.ts";
import type { BatchFn, ManyConfig, ManyOutcomes } from "../contract/many.ts";
import { readOptions } from "../contract/options.ts";
import { expectFunction, expectPlain, invalidOption } from "../contract/validate.ts";
import { type Many, performMany } from "../engine/many/many.ts";
import { outcomesFor } from "../engine/many/outcomes.ts";
import { type Binding, scopeFor } from "./binding.ts";

const BATCH_SIZE = 500;
const LARGEST_BATCH = 1_000;

/** What {@link Idempotency.executeMany} does. Never throws: bad arguments reject what it gives (B1). */
export function executeMany<I, T>(
  binding: Binding,
  items: Iterable<I> | AsyncIterable<I>,
  config: ManyConfig<I, T>,
  fn: BatchFn<I, T>,
): ManyOutcomes<T> {
  try {
    return performMany(readMany(binding, items, config, fn)) as ManyOutcomes<T>;
  } catch (error) {
    const { many, end } = outcomesFor({ taken() {}, left() {} });
    end(0, { error });
    return many as ManyOutcomes<T>;
  }
}

function readMany<I>(
  binding: Binding,
  items: Iterable<I> | AsyncIterable<I>,
  config: ManyConfig<I>,
  fn: BatchFn<I, unknown>,
): Many<I> {
  expectIterable(items);
  expectPlain("config", config, "a plain object with key and ttl");
  const { key, ttl, fingerprint: payload, batchSize = BATCH_SIZE, ...options } = config;
  expectFunction("key", key);
  const ttlMs = parseDuration(ttl);
  if (payload !== undefined) expectFunction("fingerprint", payload);
  expectBatchSize(batchSize);
  expectFunction("fn", fn);
  const settings = readOptions(options, binding.defaults);
  const { namespace } = binding;
  return {
    items,
    fn,
    batchSize,
    ttlMs,
    namespace,
    scope: scopeFor(binding, settings),
    settings,
    read(item, index) {
      const text = keyText(key(item, index));
      const print = payload?.(item);
      return {
        index,
        item,
        key: text,
        storeKey: storeKey(namespace, text),
        settings: print === undefined ? settings : { ...settings, fingerprint: fingerprint(print) },
      };
    },
  };
}

function expectIterable(items: unknown): void {
  const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = Object(items);
  if (typeof items === "object" && (typeof sync === "function" || typeof async === "function")) return;
  invalidOption("items", "an array, or another iterable or async iterable", items);
}

function expectBatchSize(batchSize: unknown): void {
  if (Number.isInteger(batchSize) && (batchSize as number) >= 1 && (batchSize as number) <= LARGEST_BATCH)
    return;
  invalidOption("batchSize", `a whole number from 1 to ${LARGEST_BATCH}`, batchSize);
}
