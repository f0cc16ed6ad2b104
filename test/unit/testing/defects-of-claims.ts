import type { ClaimRequest, ClaimResult } from "../../../src/contract/store.ts";
import { after, asked, before, type Defects, edit, revive, seize, stranger, told, turn } from "./defects.ts";
import type { Defect } from "./reference-harness.ts";
import type { Kept } from "./reference-store.ts";

type Claimed = Extract<ClaimResult, { status: "claimed" }>;

const isFree = (kept: Kept | undefined) => kept === undefined || kept.state === "released";

/** S1: who gets a key. */
export const raceDefects: Defects = {
  "looks, then writes": base => ({
    async claim(key, request) {
      const free = isFree(base.find(key));
      await turn();
      return free ? seize(base, key, request) : base.claim(key, request);
    },
  }),
  "locks within one client only": base => {
    let queue: Promise<unknown> = turn();
    return {
      claim(key, request) {
        const claim = async () => {
          const free = isFree(base.find(key));
          await turn();
          return free ? seize(base, key, request) : base.claim(key, request);
        };
        const answer = queue.then(claim);
        queue = answer.catch(() => {});
        return answer;
      },
    };
  },
  "counts attempts from 0": told("claimed", ({ attempt }) => ({ attempt: attempt - 1 })),
  "names the run after the key": told("claimed", () => ({ runId: "run" })),
  "takes lease for seconds": asked("any", ({ leaseMs }) => ({ leaseMs: leaseMs * 1_000 })),
  "answers the lease in seconds": told("in-progress", answer => ({
    retryAfterMs: "retryAfterMs" in answer && answer.retryAfterMs / 1_000,
  })),
  "answers no fingerprint": told("in-progress", () => ({ fingerprint: undefined })),
  "answers null for no fingerprint": told("in-progress", ({ ...answer }) => ({
    fingerprint: ("fingerprint" in answer && answer.fingerprint) || null,
  })),
  "lets a loser's lease count": (base, now) => ({
    claim(key, request) {
      const answer = base.claim(key, request) as ClaimResult;
      if (answer.status === "in-progress") edit(base, key, () => ({ leaseUntil: now() + request.leaseMs }));
      return answer;
    },
  }),
  "lets a loser have the key": base => ({
    claim(key, request) {
      const answer = base.claim(key, request) as ClaimResult;
      if (answer.status === "in-progress") edit(base, key, () => ({ token: request.token }));
      return answer;
    },
  }),
  "lets rerun have a key in progress": base => ({
    claim: (key, request) => (request.rerun ? seize(base, key, request) : base.claim(key, request)),
  }),
};

/** Changes what a repeated claim is told. */
const toldAgain =
  (change: (answer: Claimed, request: ClaimRequest) => object): Defect =>
  base => ({
    claim(key, request) {
      const isRepeated = base.find(key)?.token === request.token;
      const answer = base.claim(key, request) as Claimed;
      return isRepeated ? { ...answer, ...change(answer, request) } : answer;
    },
  });

/** S2: claims that are repeated. */
export const repeatDefects: Defects = {
  "answers that a repeated takeover is none": toldAgain(() => ({ takeover: false })),
  "answers that a claim repeated with rerun is a takeover": toldAgain((_, { rerun }) => ({
    takeover: rerun === true,
  })),
  "answers that a later attempt repeated is a takeover": toldAgain(({ attempt }) => ({
    takeover: attempt > 1,
  })),
  "forgets a takeover whose lease has ended": (base, now) => ({
    claim(key, request) {
      if (base.find(key)?.leaseUntil === now()) edit(base, key, () => ({ takeover: false }));
      return base.claim(key, request);
    },
  }),
  "shows a repeated claim no fingerprint": toldAgain(() => ({ fingerprint: undefined })),
  "refuses a repeated claim": base => ({
    claim: (key, request) =>
      base.claim(
        key,
        base.find(key)?.token === request.token ? stranger({ ...request, rerun: false }) : request,
      ),
  }),
  "refuses a repeated claim whose lease has lapsed": (base, now) => ({
    claim(key, request) {
      const kept = base.find(key);
      const lapsed = kept?.token === request.token && kept.leaseUntil <= now();
      return base.claim(key, lapsed ? stranger({ ...request, rerun: false }) : request);
    },
  }),
  "counts a repeated claim": base => ({
    claim(key, request) {
      const repeated = base.find(key)?.token === request.token;
      const answer = base.claim(key, request) as ClaimResult;
      return repeated ? { ...answer, attempt: answer.attempt + 1 } : answer;
    },
  }),
  "keeps the lease of a repeated claim": base => ({
    claim(key, request) {
      const { token, leaseUntil } = base.find(key) ?? {};
      const answer = base.claim(key, request);
      if (token === request.token) edit(base, key, () => ({ leaseUntil: leaseUntil! }));
      return answer;
    },
  }),
  "forgets the run of a repeated claim": base => ({
    claim: (key, request) =>
      base.find(key)?.token === request.token ? seize(base, key, request) : base.claim(key, request),
  }),
  "knows every token that ever held the key": base => {
    const known = new Set<string>();
    return {
      claim(key, request) {
        if (known.has(request.token))
          return { status: "claimed", attempt: 1, runId: request.token, takeover: false };
        known.add(request.token);
        return base.claim(key, request);
      },
    };
  },
  "claims a completed key again for its token": base => ({
    claim(key, request) {
      const kept = base.find(key);
      const own = kept?.state === "completed" && kept.token === request.token;
      return own
        ? { status: "claimed", attempt: kept.attempt, runId: kept.runId, takeover: false }
        : base.claim(key, request);
    },
  }),
};

/** S3: what is expired. */
export const expiryDefects: Defects = {
  "claims in sight of an expired record": before("claim", revive),
  "reads an expired record": before("read", revive),
  "renews an expired record": before("renew", revive),
  "completes an expired record": before("complete", revive),
  "releases an expired record": before("release", revive),
  "settles an expired record": before("settle", revive),
  "forgets an expired record": before("forget", revive),
  "never lets an outcome expire": after("complete", revive),
  "never lets a released key expire": after("release", revive),
  "never lets a held key expire": (base, now) => ({
    renew(key, token, leaseMs) {
      const renewed = base.renew(key, token, leaseMs);
      if (leaseMs === 0 && base.find(key)?.leaseUntil === now()) revive(base, key);
      return renewed;
    },
  }),
  "never lets an abandoned key expire": after("claim", revive),
  "counts on from an expired record": base => ({
    claim(key, request) {
      const past = base.find(key) ? undefined : base.records.get(key);
      const answer = base.claim(key, request) as ClaimResult;
      if (!past) return answer;
      edit(base, key, () => ({ attempt: past.attempt + 1, runId: past.runId }));
      return { status: "claimed", attempt: past.attempt + 1, runId: past.runId, takeover: false };
    },
  }),
  "shows the fingerprint of an expired record": base => ({
    claim(key, request) {
      const { fingerprint = "old" } = base.records.get(key) ?? {};
      const expired = base.records.has(key) && !base.find(key);
      const answer = base.claim(key, request);
      if (expired) edit(base, key, () => ({ fingerprint }));
      return answer;
    },
  }),
};
