import type { Seen } from "../../../src/contract/store.ts";
import { type Defects, edit, turn } from "./defects.ts";
import type { Defect } from "./reference-harness.ts";
import type { ReferenceStore } from "./reference-store.ts";

/** Changes what settle, reopen and forget take for the claim that was seen. */
const seenAs =
  (change: (seen: Seen, base: ReferenceStore, key: string) => Seen | undefined): Defect =>
  base => ({
    settle: (key, outcome, ttlMs, seen) => base.settle(key, outcome, ttlMs, seen && change(seen, base, key)),
    reopen: (key, seen) => base.reopen(key, seen && change(seen, base, key)),
    forget: (key, seen) => base.forget(key, seen && change(seen, base, key)),
  });

const current = (base: ReferenceStore, key: string, seen: Seen): Seen => base.find(key) ?? seen;

/** S11: what an operator does to the claim that it saw. */
export const operatorDefects: Defects = {
  "settles the claim that was seen, whatever its state": base => ({
    settle(key, outcome, ttlMs, seen) {
      const kept = base.find(key);
      if (!seen || kept?.runId !== seen.runId || kept.attempt !== seen.attempt)
        return base.settle(key, outcome, ttlMs, seen);
      edit(base, key, () => ({ state: "completed", outcome, token: undefined }));
      return true;
    },
  }),
  "ignores what was seen": seenAs(() => undefined),
  "compares the run that was seen, not the attempt": seenAs((seen, base, key) => ({
    ...seen,
    attempt: current(base, key, seen).attempt,
  })),
  "compares the attempt that was seen, not the run": seenAs((seen, base, key) => ({
    ...seen,
    runId: current(base, key, seen).runId,
  })),
  "takes the holder's token for the run": seenAs((seen, base, key) => ({
    ...seen,
    runId: seen.runId === base.find(key)?.token ? seen.runId : "another",
  })),
  "does not know that it has settled": base => ({
    settle: (key, outcome, ttlMs, seen) =>
      base.find(key)?.state !== "completed" && base.settle(key, outcome, ttlMs, seen),
  }),
  "settles anew what it has settled": base => ({
    settle(key, outcome, ttlMs, seen) {
      edit(base, key, ({ state, token }) =>
        seen && state === "completed" && token === undefined ? { state: "claimed", leaseUntil: 0 } : {},
      );
      return base.settle(key, outcome, ttlMs, seen);
    },
  }),
  "says true to whatever outcome it has settled": base => ({
    settle: (key, outcome, ttlMs, seen) =>
      base.settle(key, seen ? (base.find(key)?.outcome ?? outcome) : outcome, ttlMs, seen),
  }),
  "settles again by the outcome alone": base => ({
    settle: (key, outcome, ttlMs, seen) =>
      (seen !== undefined && base.find(key)?.outcome === outcome) || base.settle(key, outcome, ttlMs, seen),
  }),
  "settles a claim that was seen in progress": base => ({
    settle(key, outcome, ttlMs, seen) {
      if (seen) edit(base, key, () => ({ leaseUntil: 0 }));
      return base.settle(key, outcome, ttlMs, seen);
    },
  }),
  "says true to what it did not settle, being gone": base => ({
    settle: (key, outcome, ttlMs, seen) => !base.find(key) || base.settle(key, outcome, ttlMs, seen),
  }),
  "does not know that it has forgotten": base => ({
    forget: (key, seen) => base.find(key) !== undefined && base.forget(key, seen),
  }),
  "says true where a later claim stands": base => ({
    forget: (key, seen) => base.forget(key, seen) || seen !== undefined,
  }),
  "forgets only what is uncertain": base => ({
    forget(key, seen) {
      const { state } = base.find(key) ?? {};
      return (seen === undefined || state !== "completed") && base.forget(key, seen);
    },
  }),
  "looks for the claim, then settles": base => ({
    async settle(key, outcome, ttlMs, seen) {
      const { runId, attempt } = base.find(key) ?? {};
      if (seen === undefined || runId !== seen.runId || attempt !== seen.attempt)
        return base.settle(key, outcome, ttlMs, seen);
      await turn();
      return base.settle(key, outcome, ttlMs);
    },
  }),
  "does not know that it has reopened": base => ({
    reopen: (key, seen) => base.find(key)?.state !== "released" && base.reopen(key, seen),
  }),
  "keeps anew what it has reopened": (base, now) => ({
    reopen(key, seen) {
      if (seen)
        edit(base, key, ({ state, ttlMs }) => (state === "released" ? { expiresAt: now() + ttlMs } : {}));
      return base.reopen(key, seen);
    },
  }),
  "reopens what is completed, whichever claim was seen": base => ({
    reopen(key, seen) {
      if (base.find(key)?.state !== "completed") return base.reopen(key, seen);
      edit(base, key, () => ({ state: "released", outcome: undefined, token: undefined }));
      return true;
    },
  }),
  "settles what is released, whichever claim was seen": base => ({
    settle(key, outcome, ttlMs, seen) {
      if (base.find(key)?.state !== "released") return base.settle(key, outcome, ttlMs, seen);
      edit(base, key, () => ({ state: "completed", outcome }));
      return true;
    },
  }),
  "says true to whatever is released": base => ({
    reopen: (key, seen) =>
      (seen !== undefined && base.find(key)?.state === "released") || base.reopen(key, seen),
  }),
  "reopens a claim that was seen in progress": base => ({
    reopen(key, seen) {
      if (seen) edit(base, key, () => ({ leaseUntil: 0 }));
      return base.reopen(key, seen);
    },
  }),
  "looks for the claim, then reopens": base => ({
    async reopen(key, seen) {
      const { runId, attempt } = base.find(key) ?? {};
      if (seen === undefined || runId !== seen.runId || attempt !== seen.attempt)
        return base.reopen(key, seen);
      await turn();
      return base.reopen(key);
    },
  }),
  "looks for the claim, then forgets": base => ({
    async forget(key, seen) {
      const { runId, attempt } = base.find(key) ?? {};
      if (seen === undefined || runId !== seen.runId || attempt !== seen.attempt)
        return base.forget(key, seen);
      await turn();
      return base.forget(key);
    },
  }),
};
