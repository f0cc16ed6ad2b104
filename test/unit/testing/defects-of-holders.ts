import { before, type Defects, edit, turn } from "./defects.ts";
import type { ReferenceStore } from "./reference-store.ts";

/** The token that the operation would need. */
const right = (base: ReferenceStore, key: string, token: string) => base.find(key)?.token ?? token;

/** S5: what a token may do. */
export const holderDefects: Defects = {
  "lets anybody renew": base => ({
    renew: (key, token, ...rest) => base.renew(key, right(base, key, token), ...rest),
  }),
  "lets anybody complete": base => ({
    complete: (key, token, ...rest) => base.complete(key, right(base, key, token), ...rest),
  }),
  "lets anybody release": base => ({ release: (key, token) => base.release(key, right(base, key, token)) }),
  "says true to everybody": base => ({
    release(key, token) {
      base.release(key, token);
      return true;
    },
  }),
  "refuses, but lets the stranger have the key": base => ({
    renew(key, token, leaseMs) {
      const renewed = base.renew(key, token, leaseMs);
      if (!renewed) edit(base, key, () => ({ token }));
      return renewed;
    },
  }),
  "completes an absent key": base => ({
    complete(key, token, outcome, ttlMs) {
      if (!base.find(key)) base.claim(key, { token, leaseMs: 1, ttlMs });
      return base.complete(key, token, outcome, ttlMs);
    },
  }),
  "lets a token complete what it released": base => {
    const released = new Map<string, string>();
    return {
      release(key, token) {
        released.set(key, token);
        return base.release(key, token);
      },
      complete(key, token, outcome, ttlMs) {
        const kept = base.find(key);
        if (kept?.state === "released" && released.get(key) === token) {
          edit(base, key, () => ({ state: "claimed", token }));
        }
        return base.complete(key, token, outcome, ttlMs);
      },
    };
  },
  "lets a token back in after its release": base => {
    const holders = new Set<string>();
    return {
      renew(key, token, leaseMs) {
        if (holders.has(token)) edit(base, key, () => ({ token }));
        holders.add(token);
        return base.renew(key, token, leaseMs);
      },
    };
  },
  "knows the run, not the token": base => ({
    complete(key, token, outcome, ttlMs) {
      const kept = base.find(key);
      return base.complete(key, kept?.runId === token ? (kept.token ?? token) : token, outcome, ttlMs);
    },
  }),
  "lets the run's first token release": base => ({
    release(key, token) {
      const kept = base.find(key);
      return base.release(key, kept?.runId === token ? (kept.token ?? token) : token);
    },
  }),
  "renews in name only": base => ({
    renew: (key, token, leaseMs) =>
      leaseMs === 0 ? base.renew(key, token, 0) : base.find(key)?.token === token,
  }),
  "only ever lengthens a lease": (base, now) => ({
    renew(key, token, leaseMs) {
      const left = (base.find(key)?.leaseUntil ?? 0) - now();
      return base.renew(key, token, leaseMs === 0 ? 0 : Math.max(left, leaseMs));
    },
  }),
  "adds to the lease": (base, now) => ({
    renew(key, token, leaseMs) {
      const left = (base.find(key)?.leaseUntil ?? 0) - now();
      return base.renew(key, token, leaseMs === 0 ? 0 : Math.max(left, 0) + leaseMs);
    },
  }),
  "lets no renewal outlive the claim": base => ({
    renew(key, token, leaseMs) {
      const { expiresAt } = base.find(key) ?? {};
      const renewed = base.renew(key, token, leaseMs);
      if (renewed && leaseMs > 0) edit(base, key, () => ({ expiresAt: expiresAt! }));
      return renewed;
    },
  }),
  "takes a lease of 0 for none": base => ({
    renew: (key, token, leaseMs) => base.renew(key, token, leaseMs || 30_000),
  }),
  "releases what is held": base => ({
    renew: (key, token, leaseMs) =>
      leaseMs === 0 ? base.release(key, token) : base.renew(key, token, leaseMs),
  }),
  "refuses a holder whose lease has lapsed": (base, now) => ({
    complete: (key, token, ...rest) =>
      (base.find(key)?.leaseUntil ?? 0) > now() && base.complete(key, token, ...rest),
  }),
  "refuses to renew what has lapsed": (base, now) => ({
    renew: (key, token, leaseMs) =>
      (base.find(key)?.leaseUntil ?? 0) > now() && base.renew(key, token, leaseMs),
  }),
  "refuses to release what has lapsed": (base, now) => ({
    release: (key, token) => (base.find(key)?.leaseUntil ?? 0) > now() && base.release(key, token),
  }),
  "refuses a repeated completion": base => ({
    complete: (key, token, ...rest) =>
      base.find(key)?.state === "claimed" && base.complete(key, token, ...rest),
  }),
  "brings a completed key back by its renewal": before("renew", (base, key) =>
    edit(base, key, () => ({ state: "claimed" })),
  ),
  "releases what is completed": before("release", (base, key) =>
    edit(base, key, () => ({ state: "claimed" })),
  ),
  "looks for the holder, then completes": base => ({
    async complete(key, token, outcome, ttlMs) {
      const holds = base.find(key)?.token === token;
      await turn();
      return holds && base.complete(key, right(base, key, token), outcome, ttlMs);
    },
  }),
};
