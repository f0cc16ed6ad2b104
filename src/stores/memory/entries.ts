import { LRUCache } from "lru-cache";
import { StoreError } from "../../contract/errors.ts";
import { notify } from "../../util/notify.ts";
import { Waiters } from "../shared/waiters.ts";
import type { Claim, Settled } from "./records.ts";
import { lookLater, NEVER, pauseAfter, removeEnded } from "./sweep.ts";

const NO_CLAIM: Claim = {
  token: "",
  runId: "",
  attempt: 0,
  fingerprint: undefined,
  takeover: false,
  ttlMs: 0,
  leaseUntil: NEVER,
  claimedAt: 0,
  runText: undefined,
};

interface EntriesOptions {
  maxEntries: number;
  /** Refuses a new key when it is full, instead of dropping another. */
  rejects: boolean;
  onEvict: ((key: string) => void) | undefined;
  clock: (() => number) | undefined;
}

/** What a store has, by key: when each is over, how many there are, and who waits for it. */
export class Entries {
  readonly #options: EntriesOptions;
  // S9: a map keeps keys apart that differ in any code unit, and keeps an outcome to the letter.
  // S8: claims stand outside of the LRU, which may drop whatever is in it. Never empty: V8 makes a smaller table of a map
  // whenever it gets empty, which takes longer than all else.
  readonly #claims = new Map<string, Claim>([[Symbol() as unknown as string, NO_CLAIM]]);
  readonly #settled: LRUCache<string, Settled>;
  readonly waiters = new Waiters();
  readonly #clock: (() => number) | undefined;
  #start: number;
  #latest = 0;
  #evicted: string[] | undefined;
  // Nothing is past its time before.
  #due = NEVER;
  #notBefore = 0;
  #isLookedAt = false;

  constructor(options: EntriesOptions) {
    const { maxEntries, onEvict, clock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#start = (clock === undefined ? Date.now() : clock()) || 0;
    const dispose = (record: Settled, key: string, reason: string) => {
      if (reason !== "evict" || record.expiresAt <= this.#latest) return;
      this.#evicted ??= [];
      this.#evicted.push(key);
    };
    // Its own expiry would ask the time twice more for each key; records know theirs.
    this.#settled = new LRUCache({ max: maxEntries, ...(onEvict && { dispose }) });
  }

  /**
   * P5: a clock that is set back stretches no window: until it is where it was, the store's goes on from there. One that
   * gives no number, as a mock of it may, stands still meanwhile.
   */
  now(): number {
    const time = this.#clock === undefined ? Date.now() : this.#clock();
    // Counted from the store's start, a time is a small integer, which a record holds without a box of its own (16 bytes a
    // key): as V8 knows by what `Math.max` returns, and not by a difference.
    const now = Math.max(time - this.#start || 0, this.#latest);
    if (now > time - this.#start) this.#start = time - now;
    this.#latest = now;
    return now;
  }

  /** From when on times are counted, in milliseconds since 1970. */
  get start(): number {
    return this.#start;
  }

  /** The keys that are there now: those that are held, or the others. */
  keys(held: boolean): string[] {
    // The first of the claims is none.
    return held ? [...this.#claims.keys()].slice(1) : [...this.#settled.keys()];
  }

  /** The key's completed or released record, which counts as used. */
  settled(key: string, now: number): Settled | undefined {
    const record = this.#settled.get(key);
    return record !== undefined && now < record.expiresAt ? record : undefined;
  }

  claim(key: string, now: number): Claim | undefined {
    const claim = this.#claims.get(key);
    return claim !== undefined && now < claim.leaseUntil + claim.ttlMs ? claim : undefined;
  }

  /** Whatever there is, which does not count as used. */
  find(key: string, now: number): Claim | Settled | undefined {
    const record = this.#settled.peek(key);
    return record !== undefined && now < record.expiresAt ? record : this.claim(key, now);
  }

  take(key: string, claim: Claim, now: number): void {
    this.#claims.set(key, claim);
    this.endsAt(claim.leaseUntil + claim.ttlMs, now);
  }

  /** Ends a claim: keeps what `record` makes of it. */
  end(key: string, record: Settled, now: number): void {
    this.#claims.delete(key);
    this.#settled.set(key, record);
    this.endsAt(record.expiresAt, now);
    this.wake(key);
    if (this.#evicted !== undefined) this.#announce(this.#evicted);
  }

  wake(key: string): void {
    if (!this.waiters.isEmpty) this.waiters.wake(key);
  }

  /** A released key is claimed. */
  reclaim(key: string): void {
    this.#settled.delete(key);
  }

  drop(key: string): void {
    this.#claims.delete(key);
    this.#settled.delete(key);
    this.wake(key);
  }

  /** S8: a store that may not evict takes no more than it has room for once all is completed. */
  expectRoom(now: number): void {
    if (!this.#options.rejects || !this.#isFull()) return;
    if (now >= this.#due) this.#sweep(now);
    if (!this.#isFull()) return;
    throw new StoreError(
      `The in-memory store is full: it holds maxEntries (${this.#options.maxEntries}) keys. Raise maxEntries, or call again later`,
    );
  }

  #isFull(): boolean {
    return this.#claims.size - 1 + this.#settled.size >= this.#options.maxEntries;
  }

  /** S10: a key is past its time at that time: who uses the store by then removes it, or a timer. */
  endsAt(at: number, now: number): void {
    if (at < this.#due) this.#due = at;
    if (!this.#isLookedAt) this.#isLookedAt = lookLater(this, at - now);
  }

  sweepIfDue(now: number): void {
    if (now >= this.#due && now >= this.#notBefore) this.#sweep(now);
  }

  /** What the timer does, in real time; answers when to do it again. */
  look(): number | undefined {
    const now = this.now();
    this.sweepIfDue(now);
    this.#isLookedAt = this.#due !== NEVER;
    return this.#isLookedAt ? Math.max(this.#due, this.#notBefore) - now : undefined;
  }

  #sweep(now: number): void {
    this.#due = removeEnded(this.#claims, this.#settled, now);
    this.#notBefore = now + pauseAfter(this.#settled.size);
  }

  /** S8: announced when all that caused it stands: a listener may use the store. */
  #announce(keys: readonly string[]): void {
    this.#evicted = undefined;
    for (const key of keys) notify(this.#options.onEvict!, key);
  }
}
