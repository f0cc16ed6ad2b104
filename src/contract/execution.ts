/** What `fn` learns about its run. */
export interface Execution {
  /** The key's text, as the caller gave it. */
  readonly key: string;
  /** Counts the runs of `fn` for this key within its window, from 1: after a failure or a takeover it is 2. */
  readonly attempt: number;
  /**
   * What `fn` hands to its provider, as an `Idempotency-Key` header for instance: 43 characters of `[A-Za-z0-9_-]`,
   * the same for every attempt until one completes, and different in another window, namespace or key.
   */
  readonly idempotencyKey: string;
  /**
   * The same as a UUID (version 8 of RFC 9562, from the same digest), for providers that take nothing else.
   *
   * @example
   * ```ts
   * import { withIdempotency } from "with-idempotency";
   *
   * const keys = new Set<string>();
   * const push = async (notification: { idempotency_key: string }) => void keys.add(notification.idempotency_key);
   * await withIdempotency(["push", 7], "1h", ({ idempotencyUuid }) => push({ idempotency_key: idempotencyUuid }));
   * console.log([...keys].join().length); // → 36
   * ```
   */
  readonly idempotencyUuid: string;
  /** Aborts when the claim is lost (its reason is then a `LeaseLostError`) or the caller's `signal` aborts. */
  readonly signal: AbortSignal;
}

/** What the `fn` of a batch learns about its run. Each list is in the order of the batch's items. */
export interface BatchExecution {
  /** The keys' texts. */
  readonly keys: readonly string[];
  /** For each item, as {@link Execution.attempt}. */
  readonly attempts: readonly number[];
  /** For each item, as {@link Execution.idempotencyKey}: for a provider that takes one with each message. */
  readonly idempotencyKeys: readonly string[];
  /**
   * For a provider that takes one key with the whole batch: 43 characters of `[A-Za-z0-9_-]`, a digest of
   * `idempotencyKeys`. The same items in the same order have the same one when they are tried again, any others another,
   * since a provider refuses a key that comes with another payload (B5).
   */
  readonly idempotencyKey: string;
  /** The same as a UUID (version 8 of RFC 9562). */
  readonly idempotencyUuid: string;
  /** Aborts when the claims of all items are lost or the caller's `signal` aborts. */
  readonly signal: AbortSignal;
}
