import type { Awaitable } from "../util/awaitable.ts";

export type { Awaitable };

/** What a call asks of {@link IdempotencyStore.claim}. */
export interface ClaimRequest {
  /** Names the claim: unique for each call, and the proof of ownership in every later operation. */
  token: string;
  /** How long an outcome, a released or an uncertain key is kept, in milliseconds. */
  ttlMs: number;
  /** How long the claim lives without a renewal, in milliseconds. */
  leaseMs: number;
  /** Digest of the payload that must match on reuse of the key. Two fingerprints differ only where both are given. */
  fingerprint?: string | undefined;
  /** Whether the claim may take over an uncertain key. If not, the answer is `"uncertain"`. */
  rerun?: boolean | undefined;
  /**
   * The claim may take over an uncertain key while the window's first claim is younger than that, in milliseconds by the
   * store's clock. A first claim without it may leave no age to judge by: its window's key then stays uncertain.
   */
  rerunWithinMs?: number | undefined;
}

/** What {@link IdempotencyStore.claim} answers. */
export type ClaimResult =
  | {
      status: "claimed";
      /** Counts the claims of this key within its window, from 1. */
      attempt: number;
      /** The token of the window's first claim. */
      runId: string;
      /** Whether this claim took an uncertain key over: what came of the run before it nobody knows (S4). */
      takeover: boolean;
      /** The digest that the key is held with: of this claim or an earlier one. */
      fingerprint?: string | undefined;
    }
  | {
      status: "in-progress" | "uncertain";
      attempt: number;
      fingerprint?: string | undefined;
      /** In progress: what remains of the holder's lease. Uncertain: what remains of the record. Milliseconds. */
      retryAfterMs: number;
    }
  | {
      status: "completed";
      attempt: number;
      /** The text that was given to `complete` or `settle`. */
      outcome: string;
      fingerprint?: string | undefined;
      /** What remains of the window, in milliseconds, where the store knows it without asking once more. */
      expiresInMs?: number | undefined;
    };

/** What {@link IdempotencyStore.read} answers. It never shows the token. */
export interface StoreRecord {
  /** In progress while the lease lasts, uncertain after it; released after a failure; completed with an outcome. */
  status: "in-progress" | "released" | "uncertain" | "completed";
  /** The latest claim, from 1. */
  attempt: number;
  /** The token of the window's first claim. */
  runId: string;
  /** The digest that the key is used with, where one was given. */
  fingerprint?: string | undefined;
  /** Only where `status` is `"completed"`. */
  outcome?: string | undefined;
  /** What remains of the lease in milliseconds; 0 unless in progress. */
  leaseInMs: number;
  /** What remains until the record is gone, in milliseconds. */
  expiresInMs: number;
  /**
   * When the window's first claim was made, in milliseconds since 1970: by the store's clock where that claim gave
   * `rerunWithinMs`, else perhaps by the claimant's.
   */
  claimedAt: number;
}

/** What to list: see {@link IdempotencyStore.list}. */
export interface ListQuery {
  /** What the keys begin with; `""` for all. Every namespace has a prefix of its own. */
  prefix: string;
  /** The records with that status, and no others. */
  status: StoreRecord["status"];
  /**
   * Only those that are at least as old, in milliseconds: since they became uncertain, by the store's clock, or, with
   * another status, since `claimedAt`.
   */
  olderThanMs?: number | undefined;
  /** The longest wait for one answer of the server, in milliseconds: after that the listing rejects. */
  timeoutMs?: number | undefined;
}

/** One record of a listing. */
export interface ListedRecord extends StoreRecord {
  /** The key, as the engine gave it to the store. */
  key: string;
}

/** The claim that an operation is about, as somebody saw it: the window's first token, and the count of its claims. */
export interface Seen {
  /** The token of the window's first claim. */
  runId: string;
  /** The latest claim, from 1. */
  attempt: number;
}

/** What came of one item of an operation on many keys: its answer, or the error that its own operation failed with. */
export type Each<T> = T | Error;

/** One item of {@link IdempotencyStore.claimMany}. */
export interface ClaimItem {
  /** The key, as the engine gives it to the store. */
  key: string;
  /** What is asked of it. */
  request: ClaimRequest;
}

/** One item of {@link IdempotencyStore.renewMany}. */
export interface RenewItem extends ReleaseItem {
  /** How long the lease goes on from now, in milliseconds; 0 ends it. */
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
 * A store of claims and results. Every operation is atomic at the store and uses the store's own clock;
 * a client's clock never decides. An operation that fails throws or rejects; it never answers "absent" instead.
 *
 * The engine hands a store keys of at most 300 UTF-16 code units of well-formed Unicode (longer ones come as a
 * digest) and durations in whole milliseconds.
 *
 * The clauses below are tested by number by the conformance suite of `with-idempotency/testing`.
 *
 * - **S1** Of any number of concurrent claims on an absent, expired or released key exactly one is `claimed`.
 * - **S2** A claim repeated with the token that already holds the key is `claimed` again, with the same `attempt`,
 *   `runId` and `takeover` and a fresh lease: a lost reply costs nothing, after the lease lapsed too, while nobody
 *   replaced it.
 * - **S3** An expired record is as good as absent, whether or not it has been purged.
 * - **S4** A lapsed lease reads as `uncertain`. It is taken over only with `rerun`, or within `rerunWithinMs` of
 *   `claimedAt`, and a fingerprint that does not differ; the takeover keeps `runId` and `claimedAt`, raises `attempt`
 *   and says `takeover: true`.
 * - **S5** `renew`, `complete` and `release` act only for the token that holds the key; otherwise they return false
 *   and change nothing. A holder whose lease lapsed, but whom nobody replaced, may still complete, renew or release;
 *   `complete` repeated by its own token is true again.
 * - **S6** `release` frees the key for the next claim and keeps `attempt`, `runId` and `claimedAt` for the record's
 *   `ttlMs`; a claim with a different fingerprint starts a new window: another `runId`, at attempt 1.
 * - **S7** `complete` keeps the outcome for `ttlMs` from that moment by the store's clock.
 * - **S8** A record that has not expired never vanishes unannounced; a claim in progress is never evicted.
 *   A full store refuses (`STORE_ERROR`) or announces what it evicts, after the claim that caused it stands.
 * - **S9** Keys differ by every code unit; outcomes come back to the letter, whatever their text and up to at
 *   least 1 MiB, or to the store's `maxOutcomeBytes`: a larger one completes the key without it.
 * - **S10** Nothing is left behind: records past their time are removed without a caller's help, or by a documented
 *   `purge()` that the store also runs by itself.
 * - **S11** `settle`, `reopen` and `forget` act on the claim that was seen, if they are given it: neither a client that
 *   sends one again after a lost reply nor a second operator touches a record that a later claim made. `settle` with
 *   the outcome that it has settled already is true; `reopen` sent again is true while the claim that it saw is
 *   released; `forget` sent again is true if the record that it saw is gone.
 */
export interface IdempotencyStore {
  /**
   * Takes the key, or says who has it (S1–S4, S6). An in-progress record lives until its lease lapses, is then
   * uncertain for `ttlMs`, and is then gone.
   */
  claim(key: string, request: ClaimRequest): Awaitable<ClaimResult>;
  /** Sets the lease to `leaseMs` from now (S5). A `leaseMs` of 0 ends it now: the key becomes uncertain. */
  renew(key: string, token: string, leaseMs: number): Awaitable<boolean>;
  /** Ends the claim with an outcome that is kept for `ttlMs` (S5, S7, S9). */
  complete(key: string, token: string, outcome: string, ttlMs: number): Awaitable<boolean>;
  /** Ends the claim and frees the key (S5, S6). */
  release(key: string, token: string): Awaitable<boolean>;
  /** What is known of the key, or undefined; changes nothing (S3, S4). */
  read(key: string): Awaitable<StoreRecord | undefined>;
  /**
   * Completes a key that is uncertain now, and only such a one; with `seen` only that claim (S11). Its former holder
   * holds it no longer.
   */
  settle(key: string, outcome: string, ttlMs: number, seen?: Seen): Awaitable<boolean>;
  /**
   * Releases a key that is uncertain now, and only such a one, as its holder would: attempt and `runId` stay for the
   * record's `ttlMs` (S6); with `seen` only that claim (S11). Its former holder holds it no longer.
   */
  reopen(key: string, seen?: Seen): Awaitable<boolean>;
  /**
   * Removes the key, whatever its state; false where there was none. With `seen` only that claim's record (S11): true
   * where it is gone now, false where a later claim stands in its place.
   */
  forget(key: string, seen?: Seen): Awaitable<boolean>;
  /**
   * The records that the query asks for, one by one, in no order. No snapshot: a record that stands all the while comes
   * at least once, perhaps twice, and one that comes, goes or changes meanwhile may be there or not. A record that cannot
   * be read is left out. It blocks nobody, takes memory for a page at a time, and ends when its reader leaves.
   */
  list?(query: ListQuery): AsyncIterable<ListedRecord>;
  /**
   * B6: as many claims at once, for `executeMany`: one answer each, in their order, or the `Error` that one failed with.
   * Each is as atomic as {@link claim}, and all of them together are not: some may have happened when it rejects. A key
   * may stand in it more than once. At most 1,000 items come together. Without it the engine claims one by one.
   */
  claimMany?(items: readonly ClaimItem[]): Awaitable<readonly Each<ClaimResult>[]>;
  /** B6: as {@link claimMany}, of {@link renew}. */
  renewMany?(items: readonly RenewItem[]): Awaitable<readonly Each<boolean>[]>;
  /** B6: as {@link claimMany}, of {@link complete}. */
  completeMany?(items: readonly CompleteItem[]): Awaitable<readonly Each<boolean>[]>;
  /** B6: as {@link claimMany}, of {@link release}. */
  releaseMany?(items: readonly ReleaseItem[]): Awaitable<readonly Each<boolean>[]>;
  /**
   * S9: the most bytes of UTF-8 that an outcome may have, at least 4,096, if the store takes less than 1 MiB. A larger
   * outcome completes the key without it.
   */
  readonly maxOutcomeBytes?: number | undefined;
  /**
   * Resolves when the key may have changed, or when `signal` aborts, and leaves nothing behind after either.
   * A hint to look again, never needed for correctness.
   */
  settled?(key: string, signal: AbortSignal): Promise<void>;
  /**
   * The engine waits no longer for an operation on the key, since `storeTimeout` is over: its answer may still come, and
   * another operation on the key may follow it. For a store that may send nothing more then, as one on a transaction of
   * its caller may not.
   */
  abandoned?(key: string): void;
}
