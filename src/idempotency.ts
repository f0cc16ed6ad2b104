import { Call } from "./call.ts";
import { type Duration, parseDuration } from "./duration.ts";
import { InvalidOptionError, isIdempotencyError, type StoredError } from "./errors.ts";
import type { StoreOperation } from "./events.ts";
import { type Execution, providerKey } from "./execution.ts";
import { type Key, keyText, storeKey } from "./key.ts";
import { type IdempotentConfig, wrap } from "./make-idempotent.ts";
import { DEFAULTS, type Options, readOptions, type Settings } from "./options.ts";
import { type AnswerOf, type Outcome, valueOnly, wholeOutcome } from "./outcome.ts";
import { decodeOutcome, encodeResult } from "./outcome-text.ts";
import { perform } from "./perform.ts";
import { type Home, homeOf } from "./process.ts";
import { expectFunction, invalidOption } from "./rules.ts";
import type { Awaitable, IdempotencyStore } from "./store.ts";
import { isPromise, nonsense, storeError, within, yesOrNo } from "./store-call.ts";

/** What is known of a key. */
export interface KeyState {
  /** Who has it: a run, nobody (it failed and may run again), nobody knows, or a result. */
  state: "in-progress" | "released" | "uncertain" | "completed";
  /** The latest run, from 1. */
  attempt: number;
  /** What that run had as `execution.idempotencyKey`: what to look for at the provider. */
  idempotencyKey: string;
  /** What remains of the lease in milliseconds; 0 unless in progress. */
  leaseInMs: number;
  /** What remains until the key is forgotten, in milliseconds, if nothing more happens to it. */
  expiresInMs: number;
  /** The result, where `state` is `"completed"` and it can be read. */
  value?: unknown;
  /** The error, where `state` is `"completed"` and `onError` chose to store it. */
  error?: StoredError;
}

/** The wrapper bound to a store, a namespace and defaults. Its functions may be taken apart. */
export interface Idempotency {
  /** As {@link withIdempotency}; options given here go before those that it is bound to. */
  withIdempotency<T>(
    key: Key,
    ttl: Duration,
    fn: (execution: Execution) => T | PromiseLike<T>,
    options?: Options,
  ): Promise<T>;
  /** As {@link makeIdempotent}. */
  makeIdempotent<A extends unknown[], R, This = unknown>(
    fn: (this: This, ...args: A) => R,
    config: IdempotentConfig<A>,
  ): (this: This, ...args: A) => Promise<Awaited<R>>;
  /** As `withIdempotency`, and tells how the value came about. */
  execute<T>(
    key: Key,
    ttl: Duration,
    fn: (execution: Execution) => T | PromiseLike<T>,
    options?: Options,
  ): Promise<Outcome<T>>;
  /**
   * What is known of a key, or undefined. Throws `INVALID_KEY`, `STORE_ERROR`, and `RESULT_UNAVAILABLE` where the
   * store has a record that it cannot read.
   */
  inspect(key: Key): Promise<KeyState | undefined>;
  /**
   * Removes a key, whatever its state: the next call runs. A run that is going on is not stopped, and its result is
   * not kept. False where there was nothing. Throws `INVALID_KEY`, `STORE_ERROR`.
   */
  forget(key: Key): Promise<boolean>;
  /**
   * Settles a key whose outcome is unknown with the value that reconciliation found, for `ttl` from now: calls get it
   * as the result. False where the key is not uncertain. Throws `INVALID_KEY`, `INVALID_OPTION` where the value cannot
   * be stored, `STORE_ERROR`, and what `parseDuration` throws.
   */
  resolve(key: Key, ttl: Duration, value: unknown): Promise<boolean>;
}

/**
 * Binds a store, defaults and a namespace. A namespace keeps the keys of one part of an application apart from those
 * of others in the same store.
 *
 * @throws InvalidOptionError `INVALID_OPTION`; InvalidDurationError `INVALID_DURATION`, `DURATION_OUT_OF_RANGE`
 */
export function createIdempotency(options: Options & { namespace?: string | undefined } = {}): Idempotency {
  if (typeof options !== "object" || options === null) invalidOption("options", "an object", options);
  const { namespace, ...given } = options;
  checkNamespace(namespace);
  return bind(readOptions(given, DEFAULTS), namespace);
}

function checkNamespace(namespace: unknown): void {
  if (namespace === undefined) return;
  if (typeof namespace === "string" && namespace.trim() !== "" && namespace.isWellFormed()) return;
  invalidOption("namespace", "a non-empty string of well-formed Unicode", namespace);
}

function bind(defaults: Settings, namespace: string | undefined): Idempotency {
  // Made on first use, so that an instance whose calls all name their store makes no other.
  let bound: Home | undefined;
  const home = () => {
    bound ??= homeOf(defaults.store);
    return bound;
  };

  let lastTtl: Duration | undefined;
  let lastTtlMs = 0;

  function prepare<Answer>(
    answer: AnswerOf<Answer>,
    key: Key,
    ttl: Duration,
    fn: Call["fn"],
    options: Options | undefined,
  ): Call<Answer> {
    const text = keyText(key);
    // Most calls of an instance have the ttl of the one before.
    const ttlMs = ttl === lastTtl && typeof ttl === "string" ? lastTtlMs : parseDuration(ttl);
    lastTtl = ttl;
    lastTtlMs = ttlMs;
    expectFunction("fn", fn);
    const settings = readOptions(options, defaults);
    const place = settings.store === defaults.store ? home() : homeOf(settings.store);
    return new Call(text, storeKey(namespace, text), ttlMs, fn, answer, settings, place);
  }

  async function ask<T>(
    operation: StoreOperation,
    key: Key,
    question: (store: IdempotencyStore, key: string) => Awaitable<T>,
  ) {
    const text = keyText(key);
    try {
      const answer = question(home().store, storeKey(namespace, text));
      return isPromise(answer) ? await within(answer, defaults.storeTimeoutMs) : answer;
    } catch (error) {
      throw storeError(operation, error, text);
    }
  }

  const instance: Idempotency = {
    withIdempotency(key, ttl, fn, options) {
      // No async function, which would make a promise of its own for each call.
      try {
        return Promise.resolve(perform(prepare(valueOnly, key, ttl, fn, options)));
      } catch (error) {
        return Promise.reject(error);
      }
    },
    makeIdempotent: (fn, config) => wrap(instance, fn, config),
    execute: async (key, ttl, fn, options) => perform(prepare(wholeOutcome, key, ttl, fn, options)),
    async inspect(key) {
      const text = keyText(key);
      const record = await ask("read", text, (store, place) => store.read(place));
      if (record === undefined) return undefined;
      if (typeof record?.runId !== "string") throw nonsense("read", "a StoreRecord or undefined", record);
      const { status: state, attempt, runId, leaseInMs, expiresInMs, outcome } = record;
      const idempotencyKey = providerKey(storeKey(namespace, text), runId);
      const known = outcome === undefined ? {} : peek(outcome, defaults, text);
      return { state, attempt, idempotencyKey, leaseInMs, expiresInMs, ...known };
    },
    forget: async key => yesOrNo("forget", await ask("forget", key, (store, place) => store.forget(place))),
    async resolve(key, ttl, value) {
      const ttlMs = parseDuration(ttl);
      const { text, failure } = encodeResult(value, defaults.serializer);
      if (failure !== undefined) {
        throw new InvalidOptionError("value: expected a result that can be stored", { cause: failure.error });
      }
      return yesOrNo("settle", await ask("settle", key, (store, place) => store.settle(place, text, ttlMs)));
    },
  };
  return instance;
}

/** What a completed key holds, as far as it can be read. */
function peek(outcome: string, { serializer }: Settings, key: string): Pick<KeyState, "value" | "error"> {
  try {
    return { value: decodeOutcome(outcome, serializer, key) };
  } catch (error) {
    return isIdempotencyError(error, "REPLAYED_ERROR") ? { error: error.original } : {};
  }
}
