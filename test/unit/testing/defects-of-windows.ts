import type { ClaimResult } from "../../../src/contract/store.ts";
import { after, asked, before, type Defects, edit, seize, told } from "./defects.ts";

/** S6: what is kept of a released key. */
export const releaseDefects: Defects = {
  "removes what is released": after("release", (base, key) => base.records.delete(key)),
  "does not count past a release": told("claimed", ({ attempt }) => ({ attempt: Math.min(attempt, 1) })),
  "counts only up to 2": told("claimed", ({ attempt }) => ({ attempt: Math.min(attempt, 2) })),
  "keeps the run of a different fingerprint": asked("released", () => ({ fingerprint: undefined })),
  "forgets the fingerprint at the release": after("release", (base, key) =>
    edit(base, key, () => ({ fingerprint: undefined })),
  ),
  "takes no fingerprint after a release for a different one": asked(
    "released",
    ({ fingerprint = "none" }) => ({ fingerprint }),
  ),
  "takes a fingerprint after none for a different one": base => ({
    claim(key, request) {
      const kept = base.find(key);
      if (kept?.state === "released" && !kept.fingerprint && request.fingerprint) base.records.delete(key);
      return base.claim(key, request);
    },
  }),
  "takes the same fingerprint for a different one": base => ({
    claim(key, request) {
      const kept = base.find(key);
      if (kept?.state === "released" && kept.fingerprint && kept.fingerprint === request.fingerprint)
        base.records.delete(key);
      return base.claim(key, request);
    },
  }),
  "keeps only the first fingerprint, or none": base => ({
    claim(key, request) {
      const kept = base.find(key);
      const answer = base.claim(key, request) as ClaimResult;
      if (kept && answer.status === "claimed") edit(base, key, () => ({ fingerprint: kept.fingerprint }));
      return answer;
    },
  }),
  "keeps a released key for what its claim had left": base => ({
    release(key, token) {
      const { expiresAt } = base.find(key) ?? {};
      const released = base.release(key, token);
      if (released) edit(base, key, () => ({ expiresAt: expiresAt! }));
      return released;
    },
  }),
  "counts a released key's ttl from its claim": (base, now) => {
    const claims = new Map<string, number>();
    return {
      claim(key, request) {
        claims.set(key, now());
        return base.claim(key, request);
      },
      release(key, token) {
        const released = base.release(key, token);
        if (released) edit(base, key, ({ ttlMs }) => ({ expiresAt: claims.get(key)! + ttlMs }));
        return released;
      },
    };
  },
};

/** S7: how long an outcome is kept, and what of it. */
export const completionDefects: Defects = {
  "keeps an outcome for the claim's ttl": base => ({
    complete: (key, token, outcome, ttlMs) =>
      base.complete(key, token, outcome, base.find(key)?.ttlMs ?? ttlMs),
  }),
  "keeps an outcome for what the claim had left": base => ({
    complete(key, token, outcome, ttlMs) {
      const { expiresAt } = base.find(key) ?? {};
      const completed = base.complete(key, token, outcome, ttlMs);
      if (completed) edit(base, key, () => ({ expiresAt: expiresAt! }));
      return completed;
    },
  }),
  "adds the ttl to what the claim had left": base => ({
    complete(key, token, outcome, ttlMs) {
      const { expiresAt } = base.find(key) ?? {};
      const completed = base.complete(key, token, outcome, ttlMs);
      if (completed) edit(base, key, () => ({ expiresAt: expiresAt! + ttlMs }));
      return completed;
    },
  }),
  "counts the ttl from the lease's end": (base, now) => ({
    complete(key, token, outcome, ttlMs) {
      const { leaseUntil = 0 } = base.find(key) ?? {};
      return base.complete(key, token, outcome, Math.max(1, leaseUntil - now() + ttlMs));
    },
  }),
  "extends an outcome by each claim": before("claim", (base, key, now) =>
    edit(base, key, ({ state, expiresAt }) => ({ expiresAt: state === "completed" ? now + 800 : expiresAt })),
  ),
  "extends an outcome by each read": before("read", (base, key, now) =>
    edit(base, key, ({ state, expiresAt }) => ({
      expiresAt: state === "completed" && now < expiresAt ? now + 800 : expiresAt,
    })),
  ),
  "reruns an outcome of another fingerprint": base => ({
    claim(key, request) {
      const kept = base.find(key);
      const differs = kept?.state === "completed" && kept.fingerprint !== request.fingerprint;
      return differs ? seize(base, key, request) : base.claim(key, request);
    },
  }),
  "answers no fingerprint of an outcome": told("completed", () => ({ fingerprint: undefined })),
  "answers an outcome's ttl in seconds": told("completed", answer => ({
    expiresInMs: "expiresInMs" in answer && answer.expiresInMs! / 1_000,
  })),
  "loses the outcome of a lapsed holder": (base, now) => ({
    complete(key, token, outcome, ttlMs) {
      const { leaseUntil = 0 } = base.find(key) ?? {};
      return base.complete(key, token, outcome, leaseUntil <= now() ? ttlMs / 2 : ttlMs);
    },
  }),
};
