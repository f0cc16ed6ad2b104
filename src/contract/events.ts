/** The operations of a store that an event or an error can name. */
export type StoreOperation =
  | "claim"
  | "renew"
  | "complete"
  | "release"
  | "read"
  | "settle"
  | "reopen"
  | "forget"
  | "list";

/**
 * What happened, for `onEvent`. `attempt` counts the runs of `fn` from 1; durations are in milliseconds, by a
 * monotonic clock. A call ends with one of `completed`, `failed`, `replayed`, `shared-failure`, `refused` and
 * `aborted`; what it began and left goes on, and may cause more events. `JSON.stringify` shows an error as its `name`,
 * `message` and `code`.
 */
export type IdempotencyEvent = {
  /** The key's text, or with `redactKeys` its `fingerprint`. */
  key: string;
  /** The namespace of the `Idempotency` that the call was made by, where it has one. */
  namespace?: string | undefined;
  /** How long ago the call began. */
  durationMs: number;
} & (
  | /**
   * This call holds the key, and runs `fn` next; until now it waited. `idempotencyKey` is what `fn` hands to its
   * provider. `takeover` is true where the key was uncertain: nobody knows what came of the run before.
   */
  { type: "claimed"; attempt: number; idempotencyKey: string; takeover: boolean }
  /** Another call of this process runs `fn`, or is about to find out who does; this one shares what comes of it. */
  | { type: "joined" }
  /** Somebody else holds the key; this call waits. `retryAfterMs` remains of the holder's lease. */
  | { type: "waiting"; attempt: number; retryAfterMs: number }
  /** This call got an earlier result, or the one it shared, without running `fn`. */
  | { type: "replayed"; attempt: number }
  /**
   * `fn` succeeded after `runMs`. `persisted` is false where its result is not stored: because it could not be, or because
   * `onResult` chose that `policy` for the key, `"hold"` that it is uncertain.
   */
  | {
      type: "completed";
      attempt: number;
      runMs: number;
      persisted: boolean;
      policy?: "release" | "hold" | undefined;
    }
  /** `fn` failed after `runMs`; `policy` is what becomes of the key, `"hold"` that it is uncertain. */
  | { type: "failed"; attempt: number; runMs: number; error: unknown; policy: "release" | "store" | "hold" }
  /** The run that this call shared failed; this call got its error too. */
  | { type: "shared-failure"; attempt: number; error: unknown }
  /** This call was turned away with the error of that `code`. */
  | {
      type: "refused";
      code:
        | "IN_PROGRESS"
        | "KEY_REUSED"
        | "OUTCOME_UNKNOWN"
        | "RESULT_UNAVAILABLE"
        | "STORE_ERROR"
        | "REPLAYED_ERROR";
    }
  /** The caller's signal aborted: this call was rejected with its reason. A run of its own goes on to its end. */
  | { type: "aborted" }
  /** The claim went to another call, or may have: `fn` may still be running here. */
  | { type: "lease-lost"; attempt: number; error: unknown }
  /** An operation of the store failed, timed out or answered nonsense. */
  | { type: "store-error"; operation: StoreOperation; error: unknown }
  /** The claim could not be made, and `onStoreError: "run"` runs `fn` all the same. */
  | { type: "unprotected"; error: unknown }
  /** A claim that this call had given up landed late, and was released. */
  | { type: "late-claim" }
  /** The result cannot be stored; the key is completed without it. */
  | { type: "unstorable"; attempt: number; error: unknown }
  /** `onError` threw or answered something else than a policy, and the key is held; or `onResult`, and it is completed. */
  | { type: "policy-error"; error: unknown }
  /** The key is longer than the recommended 256 characters. */
  | { type: "long-key"; length: number }
);

/** Gets each event of a call. What it throws or rejects with is ignored. */
export interface IdempotencyListener {
  (event: IdempotencyEvent): void;
  /** While this is false, as a call begins, no event of that call is made. */
  readonly hasSubscribers?: boolean | undefined;
}
