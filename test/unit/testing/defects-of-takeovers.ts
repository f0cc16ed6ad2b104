import type { ClaimResult } from "../../../src/contract/store.ts";
import { after, asked, type Defects, edit, seize, shown, told, turn } from "./defects.ts";
import type { Kept } from "./reference-store.ts";

const uncertain = (kept: Kept | undefined, now: number) =>
  kept?.state === "claimed" && kept.leaseUntil <= now;

/** S4: what becomes of a claim whose holder gave no sign of life. */
export const takeoverDefects: Defects = {
  "answers that no claim is a takeover": told("claimed", () => ({ takeover: false })),
  "says nothing where there was no takeover": told("claimed", ({ ...answer }) => ({
    takeover: ("takeover" in answer && answer.takeover) || undefined,
  })),
  "answers that every later attempt is a takeover": told("claimed", ({ attempt }) => ({
    takeover: attempt > 1,
  })),
  "answers that every claim with rerun is a takeover": base => ({
    claim(key, request) {
      const answer = base.claim(key, request) as ClaimResult;
      return answer.status === "claimed" ? { ...answer, takeover: request.rerun === true } : answer;
    },
  }),
  "answers that a takeover of a takeover is none": base => ({
    claim(key, request) {
      const { takeover = false, token } = base.find(key) ?? {};
      const answer = base.claim(key, request) as ClaimResult;
      return answer.status === "claimed" && takeover && token !== request.token
        ? { ...answer, takeover: false }
        : answer;
    },
  }),
  "remembers a takeover that was released": base => ({
    claim(key, request) {
      const kept = base.find(key);
      const wasTakeover = kept?.state === "released" && kept.takeover;
      const answer = base.claim(key, request) as ClaimResult;
      return wasTakeover ? ({ ...answer, takeover: true } as ClaimResult) : answer;
    },
  }),
  "shows a takeover its own fingerprint only": base => ({
    claim(key, request) {
      const answer = base.claim(key, request) as ClaimResult;
      return answer.status === "claimed" ? { ...answer, fingerprint: request.fingerprint } : answer;
    },
  }),
  "reads a lapsed lease as in progress": shown(({ status }) =>
    status === "uncertain" ? { status: "in-progress" } : {},
  ),
  "reads a lapsed lease below 0": shown(({ status }) => (status === "uncertain" ? { leaseInMs: -1 } : {})),
  "answers the former lease of an uncertain key": told("uncertain", () => ({ retryAfterMs: 30_001 })),
  "answers no fingerprint of an uncertain key": told("uncertain", () => ({ fingerprint: undefined })),
  "takes over without rerun": asked("claimed", () => ({ rerun: true })),
  "lets a call that finds an uncertain key have it": base => ({
    claim(key, request) {
      const answer = base.claim(key, request) as ClaimResult;
      if (answer.status === "uncertain") edit(base, key, () => ({ token: request.token }));
      return answer;
    },
  }),
  "never takes over": asked("claimed", () => ({ rerun: false })),
  "takes over a lapsed key as if it were absent": (base, now) => ({
    claim: (key, request) =>
      uncertain(base.find(key), now()) ? seize(base, key, request) : base.claim(key, request),
  }),
  "does not count takeovers": base => ({
    claim(key, request) {
      if (base.find(key)?.state === "claimed") edit(base, key, ({ attempt }) => ({ attempt: attempt - 1 }));
      return base.claim(key, request);
    },
  }),
  "forgets the run in a takeover": (base, now) => ({
    claim(key, request) {
      if (request.rerun && uncertain(base.find(key), now()))
        edit(base, key, () => ({ runId: request.token }));
      return base.claim(key, request);
    },
  }),
  "takes over whatever the fingerprint": asked("claimed", () => ({ fingerprint: undefined })),
  "takes a fingerprint for different from none": asked("claimed", ({ fingerprint }, kept) => ({
    rerun: fingerprint === kept?.fingerprint,
  })),
  "reruns what is completed": base => ({
    claim: (key, request) =>
      request.rerun && base.find(key)?.state === "completed"
        ? seize(base, key, request)
        : base.claim(key, request),
  }),
  "keeps the ttl of the claim that was taken over": asked("claimed", (_, kept) => ({ ttlMs: kept?.ttlMs })),
  "drops an abandoned key with its lease": after("claim", (base, key) =>
    edit(base, key, ({ leaseUntil, expiresAt }) => ({
      expiresAt: Math.min(leaseUntil || expiresAt, expiresAt),
    })),
  ),
  "counts a held key's ttl from its claim": (base, now) => {
    const claims = new Map<string, number>();
    return {
      claim(key, request) {
        claims.set(key, now());
        return base.claim(key, request);
      },
      renew(key, token, leaseMs) {
        const renewed = base.renew(key, token, leaseMs);
        if (renewed) edit(base, key, ({ ttlMs }) => ({ expiresAt: claims.get(key)! + ttlMs }));
        return renewed;
      },
    };
  },
  "counts a held key's ttl from its former lease": base => ({
    renew(key, token, leaseMs) {
      const { expiresAt } = base.find(key) ?? {};
      const renewed = base.renew(key, token, leaseMs);
      if (leaseMs === 0 && renewed) edit(base, key, () => ({ expiresAt: expiresAt! }));
      return renewed;
    },
  }),
  "looks for the lapse, then takes over": (base, now) => ({
    async claim(key, request) {
      const lapsed = request.rerun && uncertain(base.find(key), now());
      await turn();
      return lapsed ? seize(base, key, request) : base.claim(key, request);
    },
  }),
};
