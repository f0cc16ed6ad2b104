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
 * Something that happened, as `onEvent` gets it. `attempt` counts the runs of `fn` from 1. Durations are in
 * milliseconds, by a monotonic clock. A call ends with one of `completed`, `failed`, `replayed`, `shared-failure`,
 * `refused` and `aborted`. Work that it leaves behind continues and may cause more events. `JSON.stringify` shows
 * an error as its `name`, `message` and `code`.
 */
export type IdempotencyEvent = {
  /** The key's text, or its `fingerprint` if `redactKeys` is set. */
  key: string;
  /** The namespace of the `Idempotency` that made the call, if it has one. */
  namespace?: string | undefined;
  /** Milliseconds since the call began. */
  durationMs: number;
} & (
  | /**
   * This call has claimed the key, after waiting `durationMs`, and runs `fn` next. `idempotencyKey` is what `fn`
   * sends to its provider. `takeover` is true if the key was uncertain: nobody knows what the run before it did.
   */
  { type: "claimed"; attempt: number; idempotencyKey: string; takeover: boolean }
  /** Another call in this process runs `fn`, or is about to find out who does. This call shares its result. */
  | { type: "joined" }
  /** Somebody else holds the key, and this call waits. The holder's lease ends in `retryAfterMs`. */
  | { type: "waiting"; attempt: number; retryAfterMs: number }
  /** This call got an earlier or shared result without running `fn`. */
  | { type: "replayed"; attempt: number }
  /**
   * `fn` succeeded after `runMs`. `persisted` is false if its result is not stored: either storing failed, or
   * `onResult` chose the `policy` shown. With `"hold"` the key is uncertain.
   */
  | {
      type: "completed";
      attempt: number;
      runMs: number;
      persisted: boolean;
      policy?: "release" | "hold" | undefined;
    }
  /** `fn` failed after `runMs`. `policy` says what happened to the key. With `"hold"` it is uncertain. */
  | { type: "failed"; attempt: number; runMs: number; error: unknown; policy: "release" | "store" | "hold" }
  /** The run that this call shared failed, and this call got the same error. */
  | { type: "shared-failure"; attempt: number; error: unknown }
  /** This call was rejected with the error of that `code`. */
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
  /**
   * The caller's signal aborted, and this call was rejected with its reason. If it had started a run, the run
   * continues to its end.
   */
  | { type: "aborted" }
  /** Another call has the claim, or may have it. `fn` may still be running here. */
  | { type: "lease-lost"; attempt: number; error: unknown }
  /** A store operation failed, timed out or gave an invalid answer. */
  | { type: "store-error"; operation: StoreOperation; error: unknown }
  /** The claim could not be made, and `onStoreError: "run"` runs `fn` anyway. */
  | { type: "unprotected"; error: unknown }
  /** A claim that this call had given up on arrived late and was released. */
  | { type: "late-claim" }
  /** The result cannot be stored. The key is completed without it. */
  | { type: "unstorable"; attempt: number; error: unknown }
  /**
   * `onError` threw or did not return a policy, so the key is held. Or `onResult` did, so the key is completed.
   */
  | { type: "policy-error"; error: unknown }
  /** The key is longer than the recommended 256 characters. */
  | { type: "long-key"; length: number }
);

/** Called with each event of a call. If it throws or rejects, the error is ignored. */
export interface IdempotencyListener {
  (event: IdempotencyEvent): void;
  /** If this is false when a call begins, no events are created for that call. */
  readonly hasSubscribers?: boolean | undefined;
}
