import type {
  Awaitable,
  ClaimRequest,
  ClaimResult,
  Each,
  IdempotencyStore,
  Seen,
  StoreRecord,
} from "../../../src/contract/store.ts";

/** How the reference store keeps a key. */
export interface Kept {
  state: "claimed" | "released" | "completed";
  /** Whose it is, or who completed it; undefined once released or settled. */
  token: string | undefined;
  attempt: number;
  runId: string;
  fingerprint: string | undefined;
  /** Whether its claim took an uncertain key over. */
  takeover: boolean;
  outcome: string | undefined;
  ttlMs: number;
  leaseUntil: number;
  expiresAt: number;
  /** When the window's first claim was made. */
  claimedAt: number;
}

export interface ReferenceOptions {
  now: () => number;
  room?: number;
  onFull?: "refuses" | "evicts";
  announce?: (key: string) => void;
  /** Shared by the clients of one storage. */
  records?: Map<string, Kept>;
}

export interface ReferenceStore extends IdempotencyStore {
  readonly records: Map<string, Kept>;
  readonly room: number;
  readonly announce: (key: string) => void;
  /** The record, unless it is past its time. */
  find(key: string): Kept | undefined;
  purge(): void;
}

/** Each in its turn, and the error of one in its place. */
async function inTurn<Item, T>(
  items: readonly Item[],
  act: (item: Item) => Awaitable<T>,
): Promise<Each<T>[]> {
  const acts = items.map(async item => act(item));
  const ends = await Promise.allSettled(acts);
  return ends.map(end => (end.status === "fulfilled" ? end.value : (end.reason as Error)));
}

/** A store that keeps the contract in the plainest way, one rule after the other. */
export function referenceStore(options: ReferenceOptions): ReferenceStore {
  const { now, room = Number.POSITIVE_INFINITY, onFull = "refuses", announce = () => {} } = options;
  const { records = new Map<string, Kept>() } = options;
  const waiters = new Set<{ key: string; resolve: () => void }>();

  function find(key: string): Kept | undefined {
    const kept = records.get(key);
    return kept && now() < kept.expiresAt ? kept : undefined;
  }
  function heldBy(key: string, token: string): Kept | undefined {
    const kept = find(key);
    return kept?.state === "claimed" && kept.token === token ? kept : undefined;
  }
  function tell(key: string): void {
    for (const waiter of waiters) if (waiter.key === key) waiter.resolve();
  }
  function purge(): void {
    for (const key of records.keys()) if (!find(key)) records.delete(key);
  }
  function lease(kept: Kept, leaseMs: number): void {
    kept.leaseUntil = now() + leaseMs;
    kept.expiresAt = kept.leaseUntil + kept.ttlMs;
  }
  function finish(key: string, kept: Kept, state: "released" | "completed", ttlMs: number): true {
    Object.assign(kept, { state, leaseUntil: 0, expiresAt: now() + ttlMs });
    tell(key);
    return true;
  }
  function status(kept: Kept): StoreRecord["status"] {
    if (kept.state !== "claimed") return kept.state;
    return now() < kept.leaseUntil ? "in-progress" : "uncertain";
  }
  function show(kept: Kept): StoreRecord {
    const { attempt, runId, fingerprint, outcome, claimedAt } = kept;
    const leaseInMs = Math.max(0, kept.leaseUntil - now());
    const expiresInMs = kept.expiresAt - now();
    return { status: status(kept), attempt, runId, fingerprint, outcome, leaseInMs, expiresInMs, claimedAt };
  }
  function makeRoom(): void {
    if (records.size >= room) purge();
    if (records.size < room) return;
    const victim = [...records.keys()].find(key => status(records.get(key)!) !== "in-progress");
    if (onFull === "refuses" || victim === undefined) throw new Error("full");
    records.delete(victim);
    announce(victim);
  }
  function take(
    key: string,
    request: ClaimRequest,
    { attempt, runId, fingerprint, takeover = false, claimedAt = now() }: Partial<Kept>,
  ): ClaimResult {
    const { token, ttlMs, leaseMs } = request;
    const kept: Kept = {
      state: "claimed",
      token,
      attempt: attempt ?? 1,
      runId: runId ?? token,
      fingerprint: request.fingerprint ?? fingerprint,
      takeover,
      outcome: undefined,
      ttlMs,
      leaseUntil: 0,
      expiresAt: 0,
      claimedAt,
    };
    lease(kept, leaseMs);
    records.set(key, kept);
    return {
      status: "claimed",
      attempt: kept.attempt,
      runId: kept.runId,
      takeover,
      fingerprint: kept.fingerprint,
    };
  }
  function isSeen(kept: Kept, seen: Seen | undefined): boolean {
    return seen === undefined || (kept.runId === seen.runId && kept.attempt === seen.attempt);
  }

  return {
    records,
    room,
    announce,
    find,
    purge,
    claim(key, request) {
      const kept = find(key);
      if (!kept) {
        makeRoom();
        return take(key, request, {});
      }
      const { attempt, runId, fingerprint, claimedAt } = kept;
      const differs =
        [fingerprint, request.fingerprint].every(Boolean) && fingerprint !== request.fingerprint;
      const next = { attempt: attempt + 1, runId, fingerprint, claimedAt };
      switch (status(kept)) {
        case "completed":
          return {
            status: "completed",
            attempt,
            outcome: kept.outcome!,
            fingerprint,
            expiresInMs: kept.expiresAt - now(),
          };
        case "released":
          return take(key, request, differs ? {} : next);
        case "in-progress":
          if (kept.token === request.token) return take(key, request, kept);
          return { status: "in-progress", attempt, fingerprint, retryAfterMs: kept.leaseUntil - now() };
        case "uncertain":
          if (kept.token === request.token) return take(key, request, kept);
          if ((request.rerun || now() - claimedAt < (request.rerunWithinMs ?? 0)) && !differs)
            return take(key, request, { ...next, takeover: true });
          return { status: "uncertain", attempt, fingerprint, retryAfterMs: kept.expiresAt - now() };
      }
    },
    renew(key, token, leaseMs) {
      const kept = heldBy(key, token);
      if (!kept) return false;
      lease(kept, leaseMs);
      if (leaseMs === 0) tell(key);
      return true;
    },
    complete(key, token, outcome, ttlMs) {
      const kept = find(key);
      if (kept?.state === "completed") return kept.token === token;
      if (kept?.state !== "claimed" || kept.token !== token) return false;
      kept.outcome = outcome;
      return finish(key, kept, "completed", ttlMs);
    },
    release(key, token) {
      const kept = heldBy(key, token);
      if (!kept) return false;
      kept.token = undefined;
      return finish(key, kept, "released", kept.ttlMs);
    },
    read(key) {
      const kept = find(key);
      if (!kept) return undefined;
      return show(kept);
    },
    settle(key, outcome, ttlMs, seen) {
      const kept = find(key);
      if (!kept || !isSeen(kept, seen)) return false;
      const isSettled = kept.state === "completed" && kept.token === undefined;
      if (isSettled) return kept.outcome === outcome;
      if (status(kept) !== "uncertain") return false;
      Object.assign(kept, { outcome, token: undefined });
      return finish(key, kept, "completed", ttlMs);
    },
    reopen(key, seen) {
      const kept = find(key);
      if (!kept || !isSeen(kept, seen)) return false;
      if (seen && kept.state === "released") return true;
      if (status(kept) !== "uncertain") return false;
      kept.token = undefined;
      return finish(key, kept, "released", kept.ttlMs);
    },
    async *list({ prefix, status: wanted, olderThanMs = 0 }) {
      for (const key of [...records.keys()]) {
        const kept = key.startsWith(prefix) ? find(key) : undefined;
        if (kept === undefined || status(kept) !== wanted) continue;
        const since = wanted === "uncertain" ? kept.leaseUntil : kept.claimedAt;
        if (now() - since >= olderThanMs) yield { key, ...show(kept) };
      }
    },
    forget(key, seen) {
      const kept = find(key);
      if (kept && !isSeen(kept, seen)) return false;
      records.delete(key);
      return kept !== undefined || seen !== undefined;
    },
    // By the store that a test has made of this one.
    async claimMany(items) {
      return inTurn(items, ({ key, request }) => this.claim(key, request));
    },
    async renewMany(items) {
      return inTurn(items, ({ key, token, leaseMs }) => this.renew(key, token, leaseMs));
    },
    async completeMany(items) {
      return inTurn(items, ({ key, token, outcome, ttlMs }) => this.complete(key, token, outcome, ttlMs));
    },
    async releaseMany(items) {
      return inTurn(items, ({ key, token }) => this.release(key, token));
    },
    settled: (key, signal) =>
      new Promise<void>(resolve => {
        const waiter = { key, resolve: () => done() };
        const done = () => {
          waiters.delete(waiter);
          signal.removeEventListener("abort", done);
          resolve();
        };
        waiters.add(waiter);
        signal.addEventListener("abort", done);
        if (signal.aborted) done();
      }),
  };
}
