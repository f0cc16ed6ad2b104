import type { ClaimResult, StoreRecord } from "../../../src/contract/store.ts";
import { before, type Defects, edit, shown } from "./defects.ts";
import type { Kept, ReferenceStore } from "./reference-store.ts";

/** What reads show. */
export const readDefects: Defects = {
  "shows the token": shown((_, { token }) => ({ token })),
  "shows the last token there was": base => {
    const tokens = new Map<string, string>();
    return {
      claim(key, request) {
        tokens.set(key, request.token);
        return base.claim(key, request);
      },
      read(key) {
        const record = base.read(key) as StoreRecord | undefined;
        return record && { ...record, holder: tokens.get(key) };
      },
    };
  },
  "counts the time without the lease": shown(({ leaseInMs, expiresInMs }) => ({
    expiresInMs: expiresInMs - leaseInMs,
  })),
  "extends the lease by each read": before("read", (base, key, now) =>
    edit(base, key, () => ({ leaseUntil: now + 400 })),
  ),
  "says no time": shown(() => ({ claimedAt: Number.NaN })),
  "makes a window older than it is": shown(() => ({ claimedAt: 0 })),
  "forgets when the window began once it is completed": base => ({
    complete(key, token, outcome, ttlMs) {
      edit(base, key, () => ({ claimedAt: 0 }));
      return base.complete(key, token, outcome, ttlMs);
    },
  }),
  "makes a record of what it reads": base => ({
    read(key) {
      if (!base.find(key)) base.claim(key, { token: "reader", leaseMs: 1_000, ttlMs: 1_000 });
      return base.read(key);
    },
  }),
};

/** Brings the key into a state that can be settled. */
const unsettle = (base: ReferenceStore, key: string, state: Kept["state"]) =>
  edit(base, key, kept => (kept.state === state ? { state: "claimed", leaseUntil: 0 } : {}));

/** Who may settle what. */
export const settleDefects: Defects = {
  "never settles": () => ({ settle: () => false }),
  "settles a key in progress": before("settle", (base, key) => unsettle(base, key, "claimed")),
  "settles a released key": before("settle", (base, key) => unsettle(base, key, "released")),
  "settles a completed key": before("settle", (base, key) => unsettle(base, key, "completed")),
  "settles an absent key": before("settle", (base, key) => {
    if (!base.find(key)) base.claim(key, { token: "settler", leaseMs: 0, ttlMs: 1_000 });
  }),
  "settles for the claim's ttl": base => ({
    settle: (key, outcome, ttlMs) => base.settle(key, outcome, base.find(key)?.ttlMs ?? ttlMs),
  }),
  "leaves a settled key to its holder": base => ({
    settle(key, outcome, ttlMs) {
      const { token } = base.find(key) ?? {};
      const settled = base.settle(key, outcome, ttlMs);
      if (settled) edit(base, key, () => ({ token }));
      return settled;
    },
  }),
};

/** What is left of what was forgotten. */
export const forgetDefects: Defects = {
  "says true to whatever it is to forget": base => ({
    forget(key) {
      base.forget(key);
      return true;
    },
  }),
  "forgets nothing": base => ({ forget: key => base.find(key) !== undefined }),
  "counts on from what was forgotten": base => {
    const forgotten = new Map<string, Kept>();
    return {
      claim(key, request) {
        const { attempt = 0, runId = request.token } = forgotten.get(key) ?? {};
        const answer = base.claim(key, request) as ClaimResult;
        if (answer.status !== "claimed" || !forgotten.delete(key)) return answer;
        edit(base, key, () => ({ attempt: attempt + 1, runId }));
        return { ...answer, attempt: attempt + 1, runId };
      },
      forget(key) {
        const kept = base.find(key);
        if (kept) forgotten.set(key, kept);
        return base.forget(key);
      },
    };
  },
};

/** Hints that do not come. */
export const hintDefects: Defects = {
  "has no settled": () => ({ settled: undefined }),
  "never resolves": () => ({ settled: () => new Promise(() => {}) }),
  rejects: () => ({ settled: () => Promise.reject(new Error("no hint")) }),
  "ignores a signal that has aborted before": base => ({
    settled: (key, signal) => base.settled!(key, signal.aborted ? new AbortController().signal : signal),
  }),
  "ignores the signal": base => ({ settled: key => base.settled!(key, new AbortController().signal) }),
};
