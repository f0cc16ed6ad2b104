import { type Duration, MIN_TTL_MS, readDuration } from "./duration.ts";
import type { IdempotencyListener } from "./events.ts";
import { fingerprint } from "./fingerprint.ts";
import type { IdempotencyStore } from "./store.ts";
import { expectFunction, expectMethods, expectOneOf, invalidOption, readByRules } from "./validate.ts";

/** Turns a result into the text that is stored, and that text back into a value. */
export interface Serializer {
  /** Returns the text to store. If it throws, the result counts as not storable. */
  stringify(value: unknown): string;
  /** Returns the value for a stored text. If it throws, the call gets `RESULT_UNAVAILABLE`. */
  parse(text: string): unknown;
}

/**
 * What an error of `fn` does to its key: `"release"` frees it for a retry, `"store"` replays the error, `"hold"`
 * makes it uncertain.
 */
export type ErrorPolicy = "release" | "store" | "hold";

/**
 * What a result of `fn` does to its key: `"complete"` stores it for replays, `"release"` frees the key for a
 * retry, `"hold"` makes it uncertain.
 */
export type ResultPolicy = "complete" | "release" | "hold";

/** The options of one call, or of all calls of an `Idempotency`. `T` is what `fn` returns. */
// biome-ignore lint/suspicious/noExplicitAny: what the calls of an instance return is not known when it is made.
export interface Options<T = any> {
  /**
   * The store for claims and results.
   * @default one in-memory store per process, made on first use
   */
  store?: IdempotencyStore | undefined;
  /**
   * How long a claim lasts if its process goes silent: 1 second to 24 hours. It is renewed while `fn` runs, so it
   * does not limit how long `fn` may take.
   * @default "30s"
   */
  lease?: Duration | undefined;
  /**
   * What the call does while another call holds the key: wait for its result, or reject with `IN_PROGRESS`.
   * @default "wait"
   */
  onConflict?: "wait" | "reject" | undefined;
  /**
   * How long the call waits for another call before it rejects with `IN_PROGRESS`: 0 seconds to 24 hours.
   * @default "35s"
   */
  waitTimeout?: Duration | undefined;
  /**
   * What the call does with a key whose outcome is unknown. `"reject"` rejects with `OUTCOME_UNKNOWN`. `"rerun"`
   * runs `fn` again. `{ rerunWithin }` runs `fn` again only while the window's first claim is younger than that,
   * by the store's clock (1 second to 24 hours). Use it with a provider that remembers `idempotencyKey` for a
   * while. Set it for all calls with the key: if the first call of a window did not have it, the age of that
   * window may be unknown.
   * @default "reject"
   * @example
   * ```ts
   * import { createIdempotency } from "with-idempotency";
   *
   * // A provider that remembers a key for 24 hours: a run in the first 23 sends the same one again.
   * const charges = createIdempotency({ namespace: "charges", onUncertain: { rerunWithin: "23h" } });
   * const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
   * await charges.withIdempotency(["order", 42], "24h", cut).catch(() => {});
   * console.log(await charges.withIdempotency(["order", 42], "24h", ({ attempt }) => attempt)); // → 2
   * ```
   */
  onUncertain?:
    | "reject"
    | "rerun"
    | {
        /** The greatest age of the window's first claim, by the store's clock: 1 second to 24 hours. */
        rerunWithin: Duration;
      }
    | undefined;
  /**
   * What an error of `fn` does to the key. If the policy throws or returns anything else, the key is held. A run
   * that took over an uncertain key holds it instead of releasing it, because nobody knows what the run before it
   * did.
   * @default "hold" if `interruptedInTransit(error)` or if `execution.signal` has aborted, otherwise "release"
   */
  onError?: ((error: unknown) => ErrorPolicy) | undefined;
  /**
   * What a result of `fn` does to the key. Use it with clients that return failures instead of throwing them
   * (`fetch` and its status, `{ data, error }`). The caller always gets the result, with `persisted: false` if it
   * does not complete the key. If the policy throws or returns anything else, the key is completed.
   * @default "complete"
   * @example
   * ```ts
   * import { withIdempotency } from "with-idempotency";
   *
   * const post = async () => new Response(null, { status: 429 });
   * const { status } = await withIdempotency(["order", 48], "1h", post, {
   *   onResult: ({ ok, status }) => (ok ? "complete" : status >= 500 ? "hold" : "release"),
   * });
   * console.log(status); // → 429
   * ```
   */
  onResult?: ((value: T) => ResultPolicy) | undefined;
  /**
   * The largest result that is stored, in bytes of UTF-8; at least 1. A larger result completes the key but is not
   * stored: its caller gets it with `persisted: false`, and later calls get `RESULT_UNAVAILABLE`.
   * @default 1_048_576
   */
  maxResultBytes?: number | undefined;
  /**
   * What the call does if the claim cannot be made: reject with `STORE_ERROR`, or run `fn` unprotected.
   * @default "throw"
   */
  onStoreError?: "throw" | "run" | undefined;
  /**
   * The longest wait for one operation of the store: 0 seconds to 24 hours.
   * @default "5s"
   */
  storeTimeout?: Duration | undefined;
  /** The payload that must match when the key is used again. Any plain data; only a digest is stored. */
  fingerprint?: unknown;
  /**
   * How a result is stored.
   * @default faithful: a replay returns a value deep-equal to the first result, including `undefined`, `Date`,
   * `Map`, `Set`, `BigInt`, typed arrays, `NaN`, `-0` and cyclic references
   */
  serializer?: Serializer | undefined;
  /**
   * Cancels the wait: when it aborts, the call rejects at once with the signal's reason, and `execution.signal`
   * aborts.
   */
  signal?: AbortSignal | undefined;
  /** Called with each event of a call. Errors that it throws are ignored. */
  onEvent?: IdempotencyListener | undefined;
  /**
   * If true, events carry the key's `fingerprint` instead of the key, and only the `name` and `code` of an error.
   * Errors thrown to callers are not redacted. Anyone who can guess a key can recognise its fingerprint.
   * @default false
   */
  redactKeys?: boolean | undefined;
}

/** Options as the engine works with them: checked, with defaults, durations in milliseconds. */
export interface Settings {
  readonly store: IdempotencyStore | undefined;
  readonly leaseMs: number;
  readonly onConflict: "wait" | "reject";
  readonly waitMs: number;
  /** A number where it reruns within so many milliseconds of the window's first claim. */
  readonly onUncertain: "reject" | "rerun" | number;
  readonly onError: ((error: unknown) => ErrorPolicy) | undefined;
  readonly onResult: ((value: never) => ResultPolicy) | undefined;
  readonly maxResultBytes: number;
  readonly onStoreError: "throw" | "run";
  readonly storeTimeoutMs: number;
  readonly fingerprint: string | undefined;
  readonly serializer: Serializer | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onEvent: IdempotencyListener | undefined;
  readonly redactKeys: boolean;
}

// Has every setting in it, because adding one to a copy takes an engine many times as long as changing one.
export const DEFAULTS: Settings = {
  store: undefined,
  leaseMs: 30_000,
  onConflict: "wait",
  waitMs: 35_000,
  onUncertain: "reject",
  onError: undefined,
  onResult: undefined,
  maxResultBytes: 1_048_576,
  onStoreError: "throw",
  storeTimeoutMs: 5_000,
  fingerprint: undefined,
  serializer: undefined,
  signal: undefined,
  onEvent: undefined,
  redactKeys: false,
};

type Rules = { readonly [Name in keyof Options]-?: (value: unknown) => Partial<Settings> };

/** A rule for an option that is used as it was given, once it is checked. */
function asGiven<Name extends keyof Settings>(name: Name, check: (name: string, value: unknown) => void) {
  return (value: unknown): Partial<Settings> => {
    check(name, value);
    return { [name]: value };
  };
}

const oneOf = (allowed: readonly string[]) => (name: string, value: unknown) =>
  expectOneOf(name, allowed, value);
const methods = (expected: string, names: readonly string[]) => (name: string, value: unknown) =>
  expectMethods(name, expected, names, value);

function expectSignal(name: string, value: unknown): void {
  expectMethods(name, "an AbortSignal", ["addEventListener", "removeEventListener"], value);
  if (typeof (value as AbortSignal).aborted !== "boolean") invalidOption(name, "an AbortSignal", value);
}

function expectBoolean(name: string, value: unknown): void {
  if (typeof value !== "boolean") invalidOption(name, "true or false", value);
}

function expectCount(name: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    invalidOption(name, "a whole number from 1", value);
}

function readOnUncertain(value: unknown): Partial<Settings> {
  if (value === "reject" || value === "rerun") return { onUncertain: value };
  const { rerunWithin, ...others } = Object(value) as Record<string, unknown>;
  if (rerunWithin === undefined || Object.keys(others).length > 0) {
    invalidOption("onUncertain", '"reject", "rerun" or { rerunWithin: a duration }', value);
  }
  const bounds = { name: "onUncertain.rerunWithin", minMs: MIN_TTL_MS };
  return { onUncertain: readDuration(rerunWithin, bounds) };
}

const STORE_METHODS = ["claim", "renew", "complete", "release", "read", "settle", "reopen", "forget"];

const RULES: Rules = /* @__PURE__ */ (() => ({
  store: asGiven("store", methods("an IdempotencyStore", STORE_METHODS)),
  lease: value => ({ leaseMs: readDuration(value, { name: "lease", minMs: MIN_TTL_MS }) }),
  onConflict: asGiven("onConflict", oneOf(["wait", "reject"])),
  waitTimeout: value => ({ waitMs: readDuration(value, { name: "waitTimeout", minMs: 0 }) }),
  onUncertain: readOnUncertain,
  onError: asGiven("onError", expectFunction),
  onResult: asGiven("onResult", expectFunction),
  maxResultBytes: asGiven("maxResultBytes", expectCount),
  onStoreError: asGiven("onStoreError", oneOf(["throw", "run"])),
  storeTimeout: value => ({ storeTimeoutMs: readDuration(value, { name: "storeTimeout", minMs: 0 }) }),
  fingerprint: value => ({ fingerprint: fingerprint(value) }),
  serializer: asGiven("serializer", methods("{ stringify, parse }", ["stringify", "parse"])),
  signal: asGiven("signal", expectSignal),
  onEvent: asGiven("onEvent", expectFunction),
  redactKeys: asGiven("redactKeys", expectBoolean),
}))();

/** Checks the options that are given, and lays them over those that stand already. Throws `INVALID_OPTION`. */
export function readOptions(options: Options | undefined, base: Settings): Settings {
  if (options === undefined) return base;
  return { ...base, ...readByRules("options", options, RULES) };
}
