/** The operations of a store that an event or an error can name. */
export type StoreOperation = "claim" | "renew" | "complete" | "release" | "read" | "settle" | "forget";

/**
 * What happened, told to `onEvent`. Each has the `key` as the caller gave it; `attempt` counts the runs of `fn`
 * from 1; durations are in milliseconds. A listener that throws or rejects is ignored.
 */
export type IdempotencyEvent =
  /** This call holds the key, and runs `fn` next. */
  | { type: "claimed"; key: string; attempt: number }
  /** Another call of this process runs `fn`, or is about to find out who does; this one shares what comes of it. */
  | { type: "joined"; key: string }
  /** Somebody else holds the key; this call waits. `retryAfterMs` remains of the holder's lease. */
  | { type: "waiting"; key: string; attempt: number; retryAfterMs: number }
  /** This call got an earlier result, or the one it shared, without running `fn`. */
  | { type: "replayed"; key: string; attempt: number }
  /** `fn` succeeded. `persisted` is false where its result could not be stored. */
  | { type: "completed"; key: string; attempt: number; persisted: boolean }
  /** `fn` failed; `policy` is what became of the key. */
  | { type: "failed"; key: string; attempt: number; error: unknown; policy: "release" | "store" | "hold" }
  /** This call was turned away with the error of that `code`. */
  | {
      type: "refused";
      key: string;
      code: "IN_PROGRESS" | "KEY_REUSED" | "OUTCOME_UNKNOWN" | "RESULT_UNAVAILABLE" | "REPLAYED_ERROR";
    }
  /** The claim went to another call, or may have: `fn` may still be running here. */
  | { type: "lease-lost"; key: string; attempt: number; error: unknown }
  /** An operation of the store failed, timed out or answered nonsense. */
  | { type: "store-error"; key: string; operation: StoreOperation; error: unknown }
  /** The claim could not be made, and `onStoreError: "run"` runs `fn` all the same. */
  | { type: "unprotected"; key: string; error: unknown }
  /** A claim that this call had given up landed late, and was released. */
  | { type: "late-claim"; key: string }
  /** The result cannot be stored; the key is completed without it. */
  | { type: "unstorable"; key: string; attempt: number; error: unknown }
  /** `onError` threw or answered something else than a policy; the key is held. */
  | { type: "policy-error"; key: string; error: unknown }
  /** The key is longer than the recommended 256 characters. */
  | { type: "long-key"; key: string; length: number };
