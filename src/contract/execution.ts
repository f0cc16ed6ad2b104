/** What `fn` is told about its run. */
export interface Execution {
  /** The key's text, as the caller gave it. */
  readonly key: string;
  /**
   * The number of this run for the key within its window, counted from 1. After one failure or takeover it is 2.
   */
  readonly attempt: number;
  /**
   * The key to send to the provider, for example as an `Idempotency-Key` header: 43 characters of `[A-Za-z0-9_-]`.
   * It stays the same for every attempt until one completes. Another window, namespace or key has another one.
   */
  readonly idempotencyKey: string;
  /**
   * The same digest as a UUID (version 8 of RFC 9562), for providers that accept only UUIDs.
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
  /**
   * Aborts when the claim is lost (the reason is then a `LeaseLostError`), or when the caller's `signal` aborts.
   */
  readonly signal: AbortSignal;
}

/** What the `fn` of a batch is told about its run. Each list is in the order of the batch's items. */
export interface BatchExecution {
  /** The text of each item's key. */
  readonly keys: readonly string[];
  /** Each item's {@link Execution.attempt}. */
  readonly attempts: readonly number[];
  /** Each item's {@link Execution.idempotencyKey}, for a provider that takes one per message. */
  readonly idempotencyKeys: readonly string[];
  /**
   * A key for a provider that takes one per batch: 43 characters of `[A-Za-z0-9_-]`, a digest of
   * `idempotencyKeys`. The same items in the same order get the same key when they are tried again. Any other
   * batch gets another one, because a provider refuses a key that comes with a different payload (B5).
   */
  readonly idempotencyKey: string;
  /** The same as a UUID (version 8 of RFC 9562). */
  readonly idempotencyUuid: string;
  /** Aborts when the claims of all items are lost or the caller's `signal` aborts. */
  readonly signal: AbortSignal;
}
