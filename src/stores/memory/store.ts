import { LRUCache } from "lru-cache";
import { StoreError } from "../../contract/errors.ts";
import type { ClaimRequest, ClaimResult, IdempotencyStore, Seen, StoreRecord } from "../../contract/store.ts";
import { notify } from "../../util/notify.ts";
import { backgroundTimer, weakly } from "../../util/timers.ts";
import { Waiters } from "../shared/waiters.ts";
import { type MemoryStoreOptions, readMemoryOptions } from "./options.ts";
import {
  type Claim,
  isCompletedBy,
  isSeen,
  isSettledSo,
  type Settled,
  settledRecord,
  showClaim,
  showSettled,
} from "./records.ts";

const NEVER = Number.POSITIVE_INFINITY;

const differ = (a: string | undefined, b: string | undefined) =>
  a !== undefined && b !== undefined && a !== b;

class MemoryStore implements IdempotencyStore {
  readonly #maxEntries: number;
  readonly #onFull: "evict" | "reject";
  readonly #now: () => number;
  // Claims stand outside of the LRU, which may drop whatever is in it.
  readonly #claims = new Map<string, Claim>();
  readonly #settled: LRUCache<string, Settled>;
  readonly #waiters = new Waiters();
  // The seconds within which something settled expires: one sweep each, whatever the number of keys.
  readonly #expirySeconds = new Set<number>();
  #sweepAt = NEVER;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #setTimeout: unknown;

  constructor({ maxEntries = 100_000, onFull = "evict", onEvict, clock }: MemoryStoreOptions) {
    this.#maxEntries = maxEntries;
    this.#onFull = onFull;
    const time = clock ?? (() => Date.now());
    const start = time();
    // Counted from the store's start, a time is a small integer, which a record holds without a box of its own.
    this.#now = () => time() - start;
    // Its own expiry would ask the time twice more for each key; records know theirs.
    this.#settled = new LRUCache({
      max: maxEntries,
      dispose: (record, key, reason) => {
        if (reason === "evict" && onEvict !== undefined && record.expiresAt > this.#now())
          notify(onEvict, key);
      },
    });
  }

  claim(key: string, request: ClaimRequest): ClaimResult {
    const now = this.#now();
    if (now >= this.#sweepAt) this.#sweep(now);
    const settled = this.#liveSettled(key, now);
    if (settled !== undefined) return this.#claimSettled(key, settled, request, now);
    const held = this.#liveClaim(key, now);
    if (held !== undefined) return this.#claimHeld(key, held, request, now);
    this.#makeRoom(now);
    return this.#take(key, request, now);
  }

  renew(key: string, token: string, leaseMs: number): boolean {
    const now = this.#now();
    const held = this.#owned(key, token, now);
    if (held === undefined) return false;
    held.leaseUntil = now + leaseMs;
    this.#sweepBy(held.leaseUntil + held.ttlMs, now);
    if (leaseMs === 0) this.#waiters.wake(key);
    return true;
  }

  complete(key: string, token: string, outcome: string, ttlMs: number): boolean {
    const now = this.#now();
    const held = this.#owned(key, token, now);
    if (held === undefined) {
      const settled = this.#liveSettled(key, now);
      return settled !== undefined && isCompletedBy(settled, token);
    }
    this.#settle(key, held, token, outcome, now + ttlMs, now);
    return true;
  }

  release(key: string, token: string): boolean {
    const now = this.#now();
    const held = this.#owned(key, token, now);
    if (held === undefined) return false;
    this.#settle(key, held, undefined, undefined, now + held.ttlMs, now);
    return true;
  }

  read(key: string): StoreRecord | undefined {
    const now = this.#now();
    const settled = this.#settled.peek(key);
    if (settled !== undefined && now < settled.expiresAt) return showSettled(settled, now);
    const held = this.#liveClaim(key, now);
    return held && showClaim(held, now);
  }

  settle(key: string, outcome: string, ttlMs: number, seen?: Seen): boolean {
    const now = this.#now();
    const held = this.#liveClaim(key, now);
    if (held === undefined) {
      const settled = this.#liveSettled(key, now);
      return settled !== undefined && seen !== undefined && isSettledSo(settled, seen, outcome);
    }
    if (now < held.leaseUntil || !isSeen(held.runId, held.attempt, seen)) return false;
    this.#settle(key, held, undefined, outcome, now + ttlMs, now);
    return true;
  }

  forget(key: string, seen?: Seen): boolean {
    const known = this.read(key);
    // S11: a later claim stands in its stead.
    if (known !== undefined && !isSeen(known.runId, known.attempt, seen)) return false;
    this.#claims.delete(key);
    this.#settled.delete(key);
    if (known !== undefined) this.#waiters.wake(key);
    return known !== undefined || seen !== undefined;
  }

  settled(key: string, signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(key, signal);
  }

  #claimSettled(key: string, record: Settled, request: ClaimRequest, now: number): ClaimResult {
    const { runId, outcome, expiresAt } = record;
    const { attempt, fingerprint } = record.history;
    if (outcome !== undefined) {
      return { status: "completed", attempt, outcome, fingerprint, expiresInMs: expiresAt - now };
    }
    this.#settled.delete(key);
    // S6: another payload is another notification, with a window of its own.
    if (differ(fingerprint, request.fingerprint)) return this.#take(key, request, now);
    return this.#take(key, request, now, runId, attempt + 1, fingerprint, false);
  }

  #claimHeld(key: string, held: Claim, request: ClaimRequest, now: number): ClaimResult {
    const { token, attempt, runId, fingerprint, takeover, leaseUntil, ttlMs } = held;
    // S2: the claim that it was, with a fresh lease.
    if (token === request.token) return this.#take(key, request, now, runId, attempt, fingerprint, takeover);
    if (now < leaseUntil) {
      return { status: "in-progress", attempt, fingerprint, retryAfterMs: leaseUntil - now };
    }
    // S4: taken over only with rerun and a fingerprint that does not differ.
    if (request.rerun !== true || differ(fingerprint, request.fingerprint)) {
      return { status: "uncertain", attempt, fingerprint, retryAfterMs: leaseUntil + ttlMs - now };
    }
    return this.#take(key, request, now, runId, attempt + 1, fingerprint, true);
  }

  #take(
    key: string,
    request: ClaimRequest,
    now: number,
    runId = request.token,
    attempt = 1,
    knownFingerprint?: string,
    takeover = false,
  ): ClaimResult {
    const { token, ttlMs, leaseMs, fingerprint = knownFingerprint } = request;
    const leaseUntil = now + leaseMs;
    this.#claims.set(key, { token, runId, attempt, fingerprint, takeover, ttlMs, leaseUntil });
    this.#sweepBy(leaseUntil + ttlMs, now);
    return { status: "claimed", attempt, runId, takeover, fingerprint };
  }

  #settle(
    key: string,
    held: Claim,
    token: string | undefined,
    outcome: string | undefined,
    expiresAt: number,
    now: number,
  ): void {
    this.#claims.delete(key);
    this.#settled.set(key, settledRecord(held, token, outcome, expiresAt));
    const second = Math.ceil(expiresAt / 1000);
    this.#expirySeconds.add(second);
    this.#sweepBy(second * 1000, now);
    this.#waiters.wake(key);
  }

  #liveSettled(key: string, now: number): Settled | undefined {
    const record = this.#settled.get(key);
    return record !== undefined && now < record.expiresAt ? record : undefined;
  }

  #liveClaim(key: string, now: number): Claim | undefined {
    const claim = this.#claims.get(key);
    return claim !== undefined && now < claim.leaseUntil + claim.ttlMs ? claim : undefined;
  }

  #owned(key: string, token: string, now: number): Claim | undefined {
    const claim = this.#liveClaim(key, now);
    return claim?.token === token ? claim : undefined;
  }

  #makeRoom(now: number): void {
    if (this.#claims.size + this.#settled.size < this.#maxEntries) return;
    if (this.#onFull === "evict" && this.#settled.pop() !== undefined) return;
    this.#sweep(now);
    if (this.#claims.size + this.#settled.size < this.#maxEntries) return;
    const what = this.#onFull === "reject" ? "keys" : "claims in progress";
    throw new StoreError(`The in-memory store is full: maxEntries is ${this.#maxEntries}, all ${what}`);
  }

  /** Sees to it that a sweep comes by that time: one timer for all keys. */
  #sweepBy(at: number, now: number): void {
    // A test's fake timers may have come or gone since: a timer of theirs may never ring.
    const sameTimers = this.#setTimeout === globalThis.setTimeout;
    if (sameTimers && at >= this.#sweepAt) return;
    if (sameTimers) clearTimeout(this.#timer);
    this.#setTimeout = globalThis.setTimeout;
    this.#sweepAt = Math.min(at, this.#sweepAt);
    // A store that nobody uses any more shall not live on by its timer.
    const store = weakly(this);
    const ring = () => {
      const memory = store.deref();
      if (memory !== undefined) memory.#sweep(memory.#now());
    };
    this.#timer = backgroundTimer(ring, this.#sweepAt - now);
  }

  #sweep(now: number): void {
    let next = NEVER;
    for (const [key, { leaseUntil, ttlMs }] of this.#claims) {
      if (leaseUntil + ttlMs <= now) this.#claims.delete(key);
      else next = Math.min(next, leaseUntil + ttlMs);
    }
    for (const second of this.#expirySeconds) {
      if (second * 1000 <= now) this.#expirySeconds.delete(second);
      else next = Math.min(next, second * 1000);
    }
    const expired: string[] = [];
    this.#settled.forEach((record, key) => {
      if (record.expiresAt <= now) expired.push(key);
    });
    for (const key of expired) this.#settled.delete(key);
    this.#sweepAt = NEVER;
    // Each sweep looks at every key, so the more there are the longer the next one can wait.
    if (next !== NEVER) this.#sweepBy(Math.max(next, now + this.#settled.size / KEYS_PER_MS), now);
  }
}

// At that pace a sweep takes about a hundredth of the time until the next one.
const KEYS_PER_MS = 100;

/**
 * A store in this process's memory: it protects within the process, for as long as the process lives, and below
 * `maxEntries`. An LRU over what is completed or released (lru-cache), beside which claims in progress stand; records
 * past their time are removed by one timer for all of them, which does not keep the process alive.
 *
 * @throws InvalidOptionError `INVALID_OPTION`
 */
export function memoryStore(options: MemoryStoreOptions = {}): IdempotencyStore {
  return new MemoryStore(readMemoryOptions(options));
}
