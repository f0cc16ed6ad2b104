import { type Duration, parseDuration } from "../contract/duration.ts";
import { InvalidOptionError, isIdempotencyError } from "../contract/errors.ts";
import type { StoreOperation } from "../contract/events.ts";
import type { Idempotency, KeyState } from "../contract/idempotency.ts";
import { type Key, keyText, storeKey } from "../contract/key.ts";
import { DEFAULTS, type Options, readOptions, type Settings } from "../contract/options.ts";
import type { IdempotencyStore } from "../contract/store.ts";
import { expectFunction, invalidOption } from "../contract/validate.ts";
import { type AnswerOf, valueOnly, wholeOutcome } from "../engine/answers.ts";
import { Call } from "../engine/call.ts";
import { providerKey } from "../engine/execution.ts";
import { perform } from "../engine/perform.ts";
import { type Home, homeOf } from "../engine/shared-runs.ts";
import { nonsense, storeError, within, yesOrNo } from "../engine/store-call.ts";
import { decodeOutcome, encodeResult } from "../results/outcome-text.ts";
import { type Awaitable, isPromise } from "../util/awaitable.ts";
import { defaultStore } from "./default-store.ts";
import { wrap } from "./make-idempotent.ts";

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
    bound ??= homeOf(defaults.store ?? defaultStore());
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
    const place = settings.store === defaults.store ? home() : homeOf(settings.store ?? defaultStore());
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
