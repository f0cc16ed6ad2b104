import type { ClaimRequest, ClaimResult } from "../../../src/contract/store.ts";
import { asked, type Defects, edit } from "./defects.ts";
import type { Defect } from "./reference-harness.ts";
import type { Kept } from "./reference-store.ts";

/** Lets the window begin anew with a claim that does not begin one. */
const rejuvenated =
  (when: (kept: Kept, request: ClaimRequest) => boolean): Defect =>
  (base, now) => ({
    claim(key, request) {
      const kept = base.find(key);
      const isNew = kept !== undefined && when(kept, request);
      const answer = base.claim(key, request) as ClaimResult;
      if (isNew && answer.status === "claimed") edit(base, key, () => ({ claimedAt: now() }));
      return answer;
    },
  });

/** S4: what is taken over while its window is young. */
export const ageDefects: Defects = {
  "ignores rerunWithinMs": asked("any", () => ({ rerunWithinMs: undefined })),
  "takes over at any age": asked("claimed", ({ rerunWithinMs }) => ({
    rerunWithinMs: rerunWithinMs && Number.POSITIVE_INFINITY,
  })),
  "does not heed rerun beside rerunWithinMs": asked("any", ({ rerun, rerunWithinMs }) => ({
    rerun: rerunWithinMs === undefined && rerun,
  })),
  "counts the window from its last claim after a release": rejuvenated(({ state }) => state === "released"),
  "counts the window from its last takeover": rejuvenated(
    ({ state, token }, request) => state === "claimed" && token !== request.token,
  ),
  "counts the window from its last claim by the same token": rejuvenated(
    ({ token }, request) => token === request.token,
  ),
  "counts the window from when it became uncertain": (base, now) => ({
    renew(key, token, leaseMs) {
      if (leaseMs === 0) edit(base, key, () => ({ claimedAt: now() }));
      return base.renew(key, token, leaseMs);
    },
  }),
  "counts a new window from the one before": base => ({
    claim(key, request) {
      const { claimedAt, state } = base.find(key) ?? {};
      const answer = base.claim(key, request) as ClaimResult;
      if (state === "released") edit(base, key, () => ({ claimedAt: claimedAt! }));
      return answer;
    },
  }),
  "takes a window without rerunWithinMs for young": (base, now) => {
    const asking = new Set<string>();
    return {
      claim(key, request) {
        if (request.rerunWithinMs !== undefined && base.find(key) === undefined) asking.add(key);
        else if (request.rerunWithinMs !== undefined && !asking.has(key))
          edit(base, key, () => ({ claimedAt: now() }));
        return base.claim(key, request);
      },
    };
  },
  "takes over whatever the fingerprint while the window is young": asked("claimed", ({ rerunWithinMs }) =>
    rerunWithinMs === undefined ? {} : { fingerprint: undefined },
  ),
  "takes a young window from its holder": base => ({
    claim(key, request) {
      if (request.rerunWithinMs !== undefined)
        edit(base, key, ({ state, token }) =>
          state === "claimed" && token !== request.token ? { leaseUntil: 0 } : {},
        );
      return base.claim(key, request);
    },
  }),
  "tells of no takeover of a young window": base => ({
    claim(key, request) {
      const answer = base.claim(key, request) as ClaimResult;
      const isQuiet = answer.status === "claimed" && request.rerunWithinMs !== undefined;
      return isQuiet ? { ...answer, takeover: false } : answer;
    },
  }),
  "tells each claim with rerunWithinMs as a takeover": base => ({
    claim(key, request) {
      const answer = base.claim(key, request) as ClaimResult;
      const isLoud = answer.status === "claimed" && request.rerunWithinMs !== undefined;
      return isLoud ? { ...answer, takeover: true } : answer;
    },
  }),
};
