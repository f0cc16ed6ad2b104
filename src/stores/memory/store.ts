import { fingerprint as digestOf } from "../../contract/fingerprint.ts";
import type {
  ClaimItem,
  ClaimRequest,
  ClaimResult,
  CompleteItem,
  Each,
  IdempotencyStore,
  ListedRecord,
  ListQuery,
  ReleaseItem,
  RenewItem,
  Seen,
  StoreRecord,
} from "../../contract/store.ts";
import { each } from "../shared/many.ts";
import { Entries } from "./entries.ts";
import { LOCAL, type Local } from "./local.ts";
import { type MemoryStoreOptions, readMemoryOptions } from "./options.ts";
import type { Claim, Settled, Token } from "./records.ts";
import * as records from "./records.ts";

const differ = (a: string | undefined, b: string | undefined) =>
  a !== undefined && b !== undefined && a !== b;

// V8 makes a text of pieces, which take twice the memory: to look at a character joins them.
const flat = (text: string): string => (text.charCodeAt(0) > 0 ? text : text.slice());

class MemoryStore implements IdempotencyStore, Local {
  readonly #entries: Entries;
  #taken = 0;

  constructor({ maxEntries = 100_000, onFull, onEvict, redactKeys, clock }: MemoryStoreOptions) {
    const announce = onEvict && redactKeys ? (key: string) => onEvict(digestOf(key)) : onEvict;
    this.#entries = new Entries({ maxEntries, rejects: onFull === "reject", onEvict: announce, clock });
    // The store beside its interface, for the engine in this process. No member of that name: a bundler keeps a class with
    // a computed one, whether it is used or not.
    Object.defineProperty(this, LOCAL, { value: this });
  }

  takeToken(): Token {
    return ++this.#taken;
  }

  runText(key: string, runId: Token): string {
    const record = this.#entries.find(key, this.#entries.now());
    return records.runTextOf(
      record?.runId === runId ? record : { runId, outcome: undefined, expiresAt: 0, claimedAt: 0 },
    );
  }

  peekCompleted(key: string): Settled | undefined {
    const record = this.#entries.settled(key, this.#entries.now());
    return record?.outcome === undefined ? undefined : record;
  }

  claim(key: string, request: ClaimRequest): ClaimResult {
    const entries = this.#entries;
    const now = entries.now();
    entries.sweepIfDue(now);
    // S3: what is past its time is not found.
    const settled = entries.settled(key, now);
    if (settled !== undefined) return this.#claimSettled(key, settled, request, now);
    const held = entries.claim(key, now);
    if (held !== undefined) return this.#claimHeld(key, held, request, now);
    entries.expectRoom(now);
    // S1: nothing else runs between the look and the claim.
    return this.#take(key, request, now);
  }

  renew(key: string, token: string, leaseMs: number): boolean {
    const now = this.#entries.now();
    const held = this.#owned(key, token, now);
    if (held === undefined) return false;
    held.leaseUntil = now + leaseMs;
    this.#entries.endsAt(held.leaseUntil + held.ttlMs, now);
    if (leaseMs === 0) this.#entries.wake(key);
    return true;
  }

  complete(key: string, token: string, outcome: string, ttlMs: number): boolean {
    const now = this.#entries.now();
    const held = this.#owned(key, token, now);
    if (held === undefined) {
      const settled = this.#entries.settled(key, now);
      return settled !== undefined && records.isCompletedBy(settled, token);
    }
    // S7: for its ttl from now.
    this.#entries.end(key, records.settledRecord(held, token, flat(outcome), now + ttlMs), now);
    return true;
  }

  release(key: string, token: string): boolean {
    const now = this.#entries.now();
    const held = this.#owned(key, token, now);
    if (held === undefined) return false;
    this.#free(key, held, now);
    return true;
  }

  read(key: string): StoreRecord | undefined {
    const now = this.#entries.now();
    const record = this.#entries.find(key, now);
    return record && records.show(record, now, this.#entries.start);
  }

  settle(key: string, outcome: string, ttlMs: number, seen?: Seen): boolean {
    const now = this.#entries.now();
    const record = this.#entries.find(key, now);
    if (record === undefined) return false;
    // S11: sent again, it is true where it has settled that claim so.
    if (!("token" in record)) return records.isSettledSo(record, seen, outcome);
    if (now < record.leaseUntil || !records.isSeen(record, seen)) return false;
    this.#entries.end(key, records.settledRecord(record, undefined, flat(outcome), now + ttlMs), now);
    return true;
  }

  reopen(key: string, seen?: Seen): boolean {
    const now = this.#entries.now();
    const record = this.#entries.find(key, now);
    if (record === undefined) return false;
    // S11: sent again, it is true while that claim is released.
    if (!records.isSeen(record, seen)) return false;
    if (!("token" in record)) return seen !== undefined && record.outcome === undefined;
    if (now < record.leaseUntil) return false;
    this.#free(key, record, now);
    return true;
  }

  forget(key: string, seen?: Seen): boolean {
    const record = this.#entries.find(key, this.#entries.now());
    // S11: sent again, it is true, because what was seen is gone; unless a later claim stands there.
    if (record === undefined) return seen !== undefined;
    if (!records.isSeen(record, seen)) return false;
    this.#entries.drop(key);
    return true;
  }

  async *list({ prefix, status, olderThanMs = 0 }: ListQuery): AsyncGenerator<ListedRecord, void, undefined> {
    const isHeld = status === "in-progress" || status === "uncertain";
    const entries = this.#entries;
    for (const key of entries.keys(isHeld)) {
      const now = entries.now();
      const record = key.startsWith(prefix) ? entries.find(key, now) : undefined;
      if (record === undefined || records.ageOf(record, now) < olderThanMs) continue;
      const shown = records.show(record, now, entries.start);
      if (shown.status === status) yield { key, ...shown };
    }
  }

  claimMany(items: readonly ClaimItem[]): Each<ClaimResult>[] {
    return each(items, ({ key, request }) => this.claim(key, request));
  }

  renewMany(items: readonly RenewItem[]): Each<boolean>[] {
    return each(items, ({ key, token, leaseMs }) => this.renew(key, token, leaseMs));
  }

  completeMany(items: readonly CompleteItem[]): Each<boolean>[] {
    return each(items, ({ key, token, outcome, ttlMs }) => this.complete(key, token, outcome, ttlMs));
  }

  releaseMany(items: readonly ReleaseItem[]): Each<boolean>[] {
    return each(items, ({ key, token }) => this.release(key, token));
  }

  settled(key: string, signal: AbortSignal): Promise<void> {
    return this.#entries.waiters.wait(key, signal);
  }

  /** S6: what is known of the window is kept for the claim's ttl. */
  #free(key: string, claim: Claim, now: number): void {
    this.#entries.end(key, records.settledRecord(claim, undefined, undefined, now + claim.ttlMs), now);
  }

  #claimSettled(key: string, record: Settled, request: ClaimRequest, now: number): ClaimResult {
    const { runId, expiresAt, claimedAt } = record;
    const outcome = records.outcomeText(record);
    const { attempt, fingerprint, runText } = records.historyOf(record);
    if (outcome !== undefined) {
      return { status: "completed", attempt, outcome, fingerprint, expiresInMs: expiresAt - now };
    }
    this.#entries.reclaim(key);
    // S6: with another fingerprint it begins a window of its own.
    if (differ(fingerprint, request.fingerprint)) return this.#take(key, request, now);
    return this.#take(key, request, now, claimedAt, runId, attempt + 1, fingerprint, false, runText);
  }

  #claimHeld(key: string, held: Claim, request: ClaimRequest, now: number): ClaimResult {
    const { token, attempt, runId, fingerprint, takeover, leaseUntil, ttlMs, claimedAt, runText } = held;
    // S2: its own token is claimed again, as what it was.
    if (token === request.token)
      return this.#take(key, request, now, claimedAt, runId, attempt, fingerprint, takeover, runText);
    if (now < leaseUntil) {
      return { status: "in-progress", attempt, fingerprint, retryAfterMs: leaseUntil - now };
    }
    // S4: taken over only with rerun, or soon enough, and a fingerprint that does not differ.
    const isWanted = request.rerun || now - claimedAt < (request.rerunWithinMs ?? 0);
    if (!isWanted || differ(fingerprint, request.fingerprint)) {
      return { status: "uncertain", attempt, fingerprint, retryAfterMs: leaseUntil + ttlMs - now };
    }
    return this.#take(key, request, now, claimedAt, runId, attempt + 1, fingerprint, true, runText);
  }

  #take(
    key: string,
    request: ClaimRequest,
    now: number,
    claimedAt = now,
    runId: Token = request.token,
    attempt = 1,
    known?: string,
    takeover = false,
    runText?: string,
  ): ClaimResult {
    const { token, ttlMs, leaseMs, fingerprint = known } = request;
    const leaseUntil = now + leaseMs;
    const claim = { token, runId, attempt, fingerprint, takeover, ttlMs, leaseUntil, claimedAt, runText };
    this.#entries.take(key, claim, now);
    // Who claims by a number may ask for the text of the run.
    const run = typeof token === "string" ? records.runTextOf(claim) : (runId as never);
    return { status: "claimed", attempt, runId: run, takeover, fingerprint: claim.fingerprint };
  }

  /** S5: nobody but its holder may change it, its lease over or not. */
  #owned(key: string, token: Token, now: number): Claim | undefined {
    const claim = this.#entries.claim(key, now);
    return claim?.token === token ? claim : undefined;
  }
}

/**
 * Returns a store in the memory of this process. It protects calls of this process, until the process exits, and
 * up to `maxEntries` keys. Completed and released keys are in an LRU cache (lru-cache). Claims in progress are
 * kept outside it. Expired records are removed by the next use of the store and by a single timer. The timer runs
 * in real time even under fake timers, and does not keep the process alive.
 *
 * @throws InvalidOptionError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { createIdempotency, memoryStore } from "with-idempotency";
 *
 * const { withIdempotency } = createIdempotency({ store: memoryStore({ maxEntries: 50_000 }) });
 * console.log(await withIdempotency(["order-shipped", 42], "24h", () => "sent")); // → sent
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): IdempotencyStore {
  return new MemoryStore(readMemoryOptions(options));
}
