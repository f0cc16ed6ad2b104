import type { IdempotencyStore } from "../../../src/contract/store.ts";
import type { Policy } from "./settings.ts";

/** A protection taken out, of the store by a wrapper or of the engine by a line less. */
export interface ChaosMutant {
  /** What goes wrong without it. */
  without: string;
  policy: Policy;
  store?: (store: IdempotencyStore) => IdempotencyStore;
  /** The protection's name among the simulation's mutants; taken out of the source as it is bundled. */
  engine?: string;
}

/** A store with some of its operations done otherwise. */
function otherwise(store: IdempotencyStore, other: Partial<IdempotencyStore>): IdempotencyStore {
  const { settled } = store;
  return {
    claim: (key, request) => store.claim(key, request),
    renew: (key, token, leaseMs) => store.renew(key, token, leaseMs),
    complete: (key, token, outcome, ttlMs) => store.complete(key, token, outcome, ttlMs),
    release: (key, token) => store.release(key, token),
    read: key => store.read(key),
    settle: (...args) => store.settle(...args),
    reopen: (...args) => store.reopen(...args),
    forget: (...args) => store.forget(...args),
    ...(settled && { settled: settled.bind(store) }),
    ...other,
  };
}

/** Protections by name. */
export const CHAOS_MUTANTS: Record<string, ChaosMutant> = {
  "a lapsed lease is uncertain (S4)": {
    without: "a crash inside fn runs it again",
    policy: "reject",
    store: store =>
      otherwise(store, { claim: (key, request) => store.claim(key, { ...request, rerun: true }) }),
  },
  "an uncertain key is kept for its ttl (S8)": {
    without: "a crash inside fn runs it again as soon as its lease is over",
    policy: "reject",
    store: store => otherwise(store, { claim: (key, request) => store.claim(key, { ...request, ttlMs: 1 }) }),
  },
  "a claim is kept until it ends (S8)": {
    without: "a slow run and a rival both send",
    policy: "reject",
    store: store =>
      otherwise(store, {
        async claim(key, request) {
          const answer = await store.claim(key, request);
          if (answer.status !== "in-progress") return answer;
          await store.forget(key);
          return store.claim(key, request);
        },
      }),
  },
  "only the holder releases (S5)": {
    without: "a run that fails late frees the key of its successor",
    policy: "rerun",
    store: store =>
      otherwise(store, {
        release: async (key, token) => (await store.release(key, token)) || store.forget(key),
      }),
  },
  "an outcome is kept for its ttl (S7)": {
    without: "a retry within the window sends again",
    policy: "reject",
    store: store =>
      otherwise(store, { complete: (key, token, outcome) => store.complete(key, token, outcome, 500) }),
  },
  "a hold holds (S5)": {
    without: "what may have been sent is sent again",
    policy: "reject",
    store: store =>
      otherwise(store, {
        renew: (key, token, leaseMs) =>
          leaseMs === 0 ? store.release(key, token) : store.renew(key, token, leaseMs),
      }),
  },
  "a takeover keeps the runId (S4)": {
    without: "a takeover gets another key for its provider, which sends twice",
    policy: "rerun",
    store: store =>
      otherwise(store, {
        async claim(key, request) {
          const answer = await store.claim(key, request);
          return answer.status === "claimed" ? { ...answer, runId: request.token } : answer;
        },
      }),
  },
  "a lease is renewed while fn runs": {
    without: "a slow fn is taken for a dead one",
    policy: "reject",
    engine: "a lease is renewed while fn runs",
  },
  "the signal aborts when the claim is lost": {
    without: "a run that was replaced goes on beside its successor",
    policy: "rerun",
    engine: "the signal aborts when the claim is lost",
  },
  "an error that was in transit holds the key": {
    without: "what may have been sent is sent again",
    policy: "reject",
    engine: "an error that was in transit holds the key",
  },
  "a completion that failed is tried again": {
    without: "a result is lost though the store is back",
    policy: "reject",
    engine: "a completion that failed is tried again",
  },
  "a failing store changes nothing in what fn came to": {
    without: "a success becomes a failure, and an error of fn another one",
    policy: "reject",
    engine: "a failing store changes nothing in what fn came to",
  },
  "every operation ends by its timeout": {
    without: "a store that never answers hangs its callers",
    policy: "reject",
    engine: "every operation ends by its timeout",
  },
};

export function mutantOf(name: string): ChaosMutant {
  const mutant = CHAOS_MUTANTS[name];
  if (mutant === undefined)
    throw new Error(`expected one of ${Object.keys(CHAOS_MUTANTS).join("; ")}; got ${name}`);
  return mutant;
}
