import type { Awaitable } from "../util/awaitable.ts";

export type { Awaitable };

/** The request of {@link IdempotencyStore.claim}. */
export interface ClaimRequest {
  /** Identifies the claim. It is unique for each call and proves ownership in every later operation. */
  token: string;
  /** How long an outcome, a released key or an uncertain key is kept, in milliseconds. */
  ttlMs: number;
  /** How long the claim lasts without a renewal, in milliseconds. */
  leaseMs: number;
  /**
   * Digest of the payload that must match when the key is used again. Two fingerprints differ only if both are
   * given.
   */
  fingerprint?: string | undefined;
  /** If true, the claim may take over an uncertain key. If not, the answer is `"uncertain"`. */
  rerun?: boolean | undefined;
  /**
   * The claim may take over an uncertain key while the window's first claim is younger than that, in milliseconds
   * by the store's clock. If the window's first claim did not set it, the age may be unknown, and the key then
   * stays uncertain.
   */
  rerunWithinMs?: number | undefined;
}

/** The answer of {@link IdempotencyStore.claim}. */
export type ClaimResult =
  | {
      status: "claimed";
      /** Counts the claims of this key within its window, from 1. */
      attempt: number;
      /** The token of the window's first claim. */
      runId: string;
      /** True if this claim took over an uncertain key: nobody knows what the run before it did (S4). */
      takeover: boolean;
      /** The fingerprint of this claim or of an earlier one. */
      fingerprint?: string | undefined;
    }
  | {
      status: "in-progress" | "uncertain";
      attempt: number;
      fingerprint?: string | undefined;
      /** Milliseconds until the holder's lease ends (in progress) or until the record expires (uncertain). */
      retryAfterMs: number;
    }
  | {
      status: "completed";
      attempt: number;
      /** The text passed to `complete` or `settle`. */
      outcome: string;
      fingerprint?: string | undefined;
      /** Milliseconds until the window ends, if the store knows it without another request. */
      expiresInMs?: number | undefined;
    };

/** The answer of {@link IdempotencyStore.read}. It never contains the token. */
export interface StoreRecord {
  /**
   * In progress while the lease lasts, uncertain after that, released after a failure, completed with an outcome.
   */
  status: "in-progress" | "released" | "uncertain" | "completed";
  /** The latest claim, from 1. */
  attempt: number;
  /** The token of the window's first claim. */
  runId: string;
  /** The fingerprint of the key, if one was given. */
  fingerprint?: string | undefined;
  /** Set only if `status` is `"completed"`. */
  outcome?: string | undefined;
  /** Milliseconds until the lease ends; 0 unless in progress. */
  leaseInMs: number;
  /** Milliseconds until the record expires. */
  expiresInMs: number;
  /**
   * When the window's first claim was made, in milliseconds since 1970. It is by the store's clock if that claim
   * gave `rerunWithinMs`; otherwise it may be by the claimant's clock.
   */
  claimedAt: number;
}

/** What to list: see {@link IdempotencyStore.list}. */
export interface ListQuery {
  /** The prefix of the keys to list; `""` for all. Every namespace has its own prefix. */
  prefix: string;
  /** Lists only records with that status. */
  status: StoreRecord["status"];
  /**
   * Lists only records of at least that age, in milliseconds. For uncertain records the age counts from when they
   * became uncertain, by the store's clock. For any other status it counts from `claimedAt`.
   */
  olderThanMs?: number | undefined;
  /** The longest wait for one answer of the server, in milliseconds. After that, the listing rejects. */
  timeoutMs?: number | undefined;
}

/** One record in a listing. */
export interface ListedRecord extends StoreRecord {
  /** The key, as the engine passed it to the store. */
  key: string;
}

/**
 * Identifies the claim that somebody saw: the token of the window's first claim, and the number of claims so far.
 */
export interface Seen {
  /** The token of the window's first claim. */
  runId: string;
  /** The latest claim, from 1. */
  attempt: number;
}

/** The result of one item in an operation on many keys: its answer, or the error that it failed with. */
export type Each<T> = T | Error;

/** One item of {@link IdempotencyStore.claimMany}. */
export interface ClaimItem {
  /** The key, as the engine gives it to the store. */
  key: string;
  /** The request for that key. */
  request: ClaimRequest;
}

/** One item of {@link IdempotencyStore.renewMany}. */
export interface RenewItem extends ReleaseItem {
  /** How long the lease lasts from now, in milliseconds; 0 ends it. */
  leaseMs: number;
}

/** One item of {@link IdempotencyStore.completeMany}. */
export interface CompleteItem extends ReleaseItem {
  /** The text to keep. */
  outcome: string;
  /** How long it is kept from now, in milliseconds. */
  ttlMs: number;
}

/** One item of {@link IdempotencyStore.releaseMany}. */
export interface ReleaseItem {
  /** The key, as the engine gives it to the store. */
  key: string;
  /** The token that holds it. */
  token: string;
}

/**
 * A store for claims and results. Every operation is atomic at the store and uses the store's own clock. A
 * client's clock never decides. An operation that fails throws or rejects; it never answers "absent" instead.
 *
 * The engine passes keys of at most 300 UTF-16 code units of well-formed Unicode (a longer key arrives as a
 * digest) and durations in whole milliseconds.
 *
 * The conformance suite in `with-idempotency/testing` tests the clauses below by number.
 *
 * - **S1** Of any number of concurrent claims on an absent, expired or released key exactly one is `claimed`.
 * - **S2** A claim repeated with the token that already holds the key is `claimed` again, with the same `attempt`,
 *   `runId` and `takeover` and a fresh lease. So a lost reply costs nothing, even after the lease lapsed, as long
 *   as nobody has replaced the claim.
 * - **S3** An expired record counts as absent, whether or not it has been purged.
 * - **S4** A lapsed lease reads as `uncertain`. It is taken over only with `rerun`, or within `rerunWithinMs` of
 *   `claimedAt`, and only if the fingerprint does not differ. The takeover keeps `runId` and `claimedAt`, raises
 *   `attempt` and answers `takeover: true`.
 * - **S5** `renew`, `complete` and `release` act only for the token that holds the key. Otherwise they return
 *   false and change nothing. A holder whose lease lapsed may still complete, renew or release if nobody has
 *   replaced it. A repeated `complete` with its own token returns true again.
 * - **S6** `release` frees the key for the next claim and keeps `attempt`, `runId` and `claimedAt` for the
 *   record's `ttlMs`. A claim with a different fingerprint starts a new window, with another `runId`, at attempt
 *   1.
 * - **S7** `complete` keeps the outcome for `ttlMs` from that moment, by the store's clock.
 * - **S8** A record that has not expired never vanishes without notice, and a claim in progress is never evicted.
 *   A full store refuses (`STORE_ERROR`), or announces what it evicts once the claim that caused the eviction has
 *   been made.
 * - **S9** Keys differ by every code unit. Any outcome text is returned unchanged, up to at least 1 MiB or the
 *   store's `maxOutcomeBytes`. A larger outcome completes the key without being stored.
 * - **S10** Nothing is left behind: expired records are removed without a caller's help, or by a documented
 *   `purge()` that the store also runs by itself.
 * - **S11** `settle`, `reopen` and `forget` act only on the claim that was seen, if they are given one. So neither
 *   a repeated request after a lost reply nor a second operator changes a record that a later claim made. `settle`
 *   returns true if it already settled with that outcome. A repeated `reopen` returns true while the claim that it
 *   saw is released. A repeated `forget` returns true if the record that it saw is gone.
 */
export interface IdempotencyStore {
  /**
   * Claims the key, or says who holds it (S1–S4, S6). A record in progress lasts until its lease lapses, is then
   * uncertain for `ttlMs`, and then expires.
   */
  claim(key: string, request: ClaimRequest): Awaitable<ClaimResult>;
  /** Extends the lease to `leaseMs` from now (S5). A `leaseMs` of 0 ends it now, and the key becomes uncertain. */
  renew(key: string, token: string, leaseMs: number): Awaitable<boolean>;
  /** Ends the claim with an outcome that is kept for `ttlMs` (S5, S7, S9). */
  complete(key: string, token: string, outcome: string, ttlMs: number): Awaitable<boolean>;
  /** Ends the claim and frees the key (S5, S6). */
  release(key: string, token: string): Awaitable<boolean>;
  /** Returns the record of the key, or undefined. It changes nothing (S3, S4). */
  read(key: string): Awaitable<StoreRecord | undefined>;
  /**
   * Completes a key if it is uncertain now and, with `seen`, only that claim (S11). The former holder loses the
   * key.
   */
  settle(key: string, outcome: string, ttlMs: number, seen?: Seen): Awaitable<boolean>;
  /**
   * Releases a key if it is uncertain now and, with `seen`, only that claim (S11). It does so as the holder would:
   * `attempt` and `runId` stay for the record's `ttlMs` (S6). The former holder loses the key.
   */
  reopen(key: string, seen?: Seen): Awaitable<boolean>;
  /**
   * Removes the key in any state. Returns false if there was none. With `seen`, it removes only that claim's
   * record (S11): true if that record is gone now, false if a later claim has replaced it.
   */
  forget(key: string, seen?: Seen): Awaitable<boolean>;
  /**
   * Lists the records that match the query, one by one, in no particular order. It is not a snapshot. A record
   * that exists all the time comes at least once, perhaps twice. A record that appears, disappears or changes
   * during the listing may or may not come. Unreadable records are left out. The listing blocks nobody, needs
   * memory for one page at a time, and ends when its reader stops.
   */
  list?(query: ListQuery): AsyncIterable<ListedRecord>;
  /**
   * B6: makes many claims at once, for `executeMany`. It returns one answer for each item, in their order, or the
   * `Error` that the item failed with. Each claim is as atomic as {@link claim}, but all of them together are not:
   * when it rejects, some may have been made. A key may occur more than once. There are at most 1,000 items.
   * Without this method, the engine claims one key at a time.
   */
  claimMany?(items: readonly ClaimItem[]): Awaitable<readonly Each<ClaimResult>[]>;
  /** B6: {@link renew} for many keys, as {@link claimMany}. */
  renewMany?(items: readonly RenewItem[]): Awaitable<readonly Each<boolean>[]>;
  /** B6: {@link complete} for many keys, as {@link claimMany}. */
  completeMany?(items: readonly CompleteItem[]): Awaitable<readonly Each<boolean>[]>;
  /** B6: {@link release} for many keys, as {@link claimMany}. */
  releaseMany?(items: readonly ReleaseItem[]): Awaitable<readonly Each<boolean>[]>;
  /**
   * S9: the largest outcome that the store takes, in bytes of UTF-8 and at least 4,096, if that is less than 1
   * MiB. A larger outcome completes the key without being stored.
   */
  readonly maxOutcomeBytes?: number | undefined;
  /**
   * Resolves when the key may have changed or when `signal` aborts, and leaves nothing behind in either case. It
   * is a hint to look again and never needed for correctness.
   */
  settled?(key: string, signal: AbortSignal): Promise<void>;
  /**
   * Called when the engine stops waiting for an operation on the key because `storeTimeout` is over. The answer
   * may still come, and another operation on the key may follow. A store that must send nothing more after that
   * needs it, such as a store on its caller's transaction.
   */
  abandoned?(key: string): void;
}
