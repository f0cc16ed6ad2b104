import { type Duration, parseDuration } from "../contract/duration.ts";
import { type Key, keyText, storeKey } from "../contract/key.ts";
import { type Options, readOptions, type Settings } from "../contract/options.ts";
import { expectFunction } from "../contract/validate.ts";
import { isQuiet, replayKept } from "../engine/answers.ts";
import { type Call, createCall, type MakeAnswer } from "../engine/call.ts";
import { perform } from "../engine/perform.ts";
import { type StoreScope, scopeOf } from "../engine/shared-runs.ts";
import type { Awaitable } from "../util/awaitable.ts";
import { defaultStore } from "./default-store.ts";

/** What an `Idempotency` is bound to. */
export interface Binding {
  readonly defaults: Settings;
  readonly namespace: string | undefined;
  /** Made on first use, so that an instance whose calls all name their store makes no other. */
  scope: StoreScope | undefined;
  /** The `ttl` of the call before, which most calls of an instance have. */
  lastTtl: Duration | undefined;
  lastTtlMs: number;
}

export function newBinding(defaults: Settings, namespace?: string): Binding {
  return { defaults, namespace, scope: undefined, lastTtl: undefined, lastTtlMs: 0 };
}

/** The scope of the store that an instance is bound to. */
export function boundScope(binding: Binding): StoreScope {
  binding.scope ??= scopeOf(binding.defaults.store ?? defaultStore());
  return binding.scope;
}

/** The scope of the store that a call names, or else of the one that the instance is bound to. */
export function scopeFor(binding: Binding, { store }: Settings): StoreScope {
  return store === binding.defaults.store ? boundScope(binding) : scopeOf(store ?? defaultStore());
}

/** Checks a call's arguments, and performs it. Answers at once where it can; throws or rejects as it fails. */
export function callOnce(
  binding: Binding,
  key: Key,
  ttl: Duration,
  fn: Call["fn"],
  options: Options | undefined,
  answer: MakeAnswer,
): Awaitable<unknown> {
  const { defaults, namespace } = binding;
  const text = keyText(key);
  const ttlMs = ttlOf(binding, ttl);
  expectFunction("fn", fn);
  const settings = readOptions(options, defaults);
  const scope = scopeFor(binding, settings);
  const at = storeKey(namespace, text);
  const kept = isQuiet(settings) ? scope.local?.peekCompleted(at) : undefined;
  if (kept !== undefined) return replayKept(kept, text, settings, answer);
  const parts = { key: text, storeKey: at, ttlMs, fn, answer, settings, scope };
  return perform(createCall(parts, namespace));
}

function ttlOf(binding: Binding, ttl: Duration): number {
  if (ttl !== binding.lastTtl || typeof ttl !== "string") {
    binding.lastTtlMs = parseDuration(ttl);
    binding.lastTtl = ttl;
  }
  return binding.lastTtlMs;
}
