import {
  type CaseSpec,
  equal,
  has,
  LONG,
  mayTell,
  PAST_TTL,
  remains,
  UNCERTAIN,
  unchanged,
  WAYS,
} from "./scene.ts";

const releaseCases: CaseSpec[] = [
  {
    clause: "S6",
    says: "a released key keeps attempt, runId and fingerprint, for its ttl",
    async test({ store, key, a, claim }) {
      await claim(a, { fingerprint: "one" });
      equal("release by the holder", await store.release(key, a), true);
      has("the record", await store.read(key), {
        status: "released",
        attempt: 1,
        runId: a,
        fingerprint: "one",
        outcome: undefined,
        leaseInMs: 0,
        expiresInMs: remains(LONG.ttlMs),
      });
    },
  },
  {
    clause: "S6",
    says: "each claim after a release keeps runId and raises attempt",
    async test({ store, key, a, b, c, claim }) {
      await claim(a);
      await store.release(key, a);
      has("the second claim", await claim(b), { status: "claimed", attempt: 2, runId: a });
      await store.release(key, b);
      has("the third claim", await claim(c), { status: "claimed", attempt: 3, runId: a });
    },
  },
  ...[
    ["one", "one"],
    ["one", undefined],
    [undefined, "one"],
  ].map(
    ([first, then]): CaseSpec => ({
      clause: "S6",
      says: `fingerprint ${then ?? "none"} does not differ from ${first ?? "none"} after a release`,
      async test({ store, key, a, b, claim }) {
        await claim(a, { fingerprint: first });
        await store.release(key, a);
        const answer = await claim(b, { fingerprint: then });
        const expected = { status: "claimed", attempt: 2, runId: a, fingerprint: first ?? then };
        has("the second claim", answer, expected);
      },
    }),
  ),
  {
    clause: "S6",
    says: "a claim with a different fingerprint after a release starts a new runId at attempt 1",
    async test({ store, key, a, b, c, claim }) {
      await claim(a, { fingerprint: "one" });
      await store.release(key, a);
      const answer = await claim(b, { fingerprint: "two" });
      has("the second claim", answer, { status: "claimed", attempt: 1, runId: b, fingerprint: "two" });
      has("a third claim", await claim(c), { status: "in-progress", attempt: 1, fingerprint: "two" });
    },
  },
  {
    clause: "S6",
    says: "a claim's fingerprint is kept where the released key had none",
    async test({ store, key, a, b, c, claim }) {
      await claim(a);
      await store.release(key, a);
      await claim(b, { fingerprint: "one" });
      has("a third claim", await claim(c), { status: "in-progress", attempt: 2, fingerprint: "one" });
    },
  },
  {
    clause: "S6",
    says: "a released key is kept for its ttl from the release",
    async test({ store, key, a, b, claim, short, pass }) {
      await claim(a, { ttlMs: short.ttlMs });
      await pass(400);
      await store.release(key, a);
      await pass(600);
      has("the record within the ttl", await store.read(key), { status: "released", attempt: 1 });
      await pass(300);
      has("the claim after the ttl", await claim(b), { status: "claimed", attempt: 1, runId: b });
    },
  },
];

const completionCases: CaseSpec[] = [
  {
    clause: "S7",
    says: "a completed key tells outcome, attempt, fingerprint and what remains of its ttl",
    async test({ store, key, a, b, claim }) {
      await claim(a, { fingerprint: "one", ttlMs: 1 });
      equal("complete by the holder", await store.complete(key, a, "sent", LONG.ttlMs), true);
      const expected = { status: "completed", attempt: 1, fingerprint: "one", outcome: "sent" };
      const record = { ...expected, runId: a, leaseInMs: 0, expiresInMs: remains(LONG.ttlMs) };
      has("the record", await store.read(key), record);
      for (const request of [{}, { fingerprint: "one" }, { fingerprint: "two" }]) {
        has("another claim", await claim(b, request), { ...expected, expiresInMs: mayTell(LONG.ttlMs) });
      }
    },
  },
  {
    clause: "S7",
    says: "an outcome is kept for its ttl from the completion, whatever the claim's",
    async test({ store, key, a, claim, short, pass }) {
      await claim(a);
      await pass(400);
      await store.complete(key, a, "sent", short.ttlMs);
      await pass(600);
      has("the record within the ttl", await store.read(key), { status: "completed", outcome: "sent" });
      await pass(300);
      equal("the record after the ttl", await store.read(key), undefined);
    },
  },
  {
    clause: "S7",
    says: "an outcome outlives the lease and the ttl of its claim",
    async test({ store, key, a, claim, short, pass }) {
      await claim(a, { leaseMs: short.leaseMs, ttlMs: short.leaseMs });
      await store.complete(key, a, "sent", LONG.ttlMs);
      await pass(PAST_TTL);
      has("the record", await store.read(key), { status: "completed", outcome: "sent" });
    },
  },
  {
    clause: "S7",
    says: "claims and reads of an outcome never extend its ttl",
    async test(scene) {
      const { store, key, a, b, claim, short, pass } = scene;
      await claim(a);
      await store.complete(key, a, "sent", short.ttlMs);
      await pass(500);
      await unchanged(scene, async () => {
        for (const rerun of [false, true])
          has("the claim", await claim(b, { rerun }), { status: "completed" });
      });
      await pass(400);
      equal("the record after the ttl", await store.read(key), undefined);
    },
  },
  ...WAYS.map(
    (way): CaseSpec => ({
      clause: "S7",
      says: `the outcome of a ${way} key is kept for its ttl from the completion`,
      async test(scene) {
        const { store, key, a, short, pass } = scene;
        await UNCERTAIN[way](scene, a);
        await store.complete(key, a, "sent", short.ttlMs);
        await pass(600);
        has("the record within the ttl", await store.read(key), { status: "completed", outcome: "sent" });
        await pass(300);
        equal("the record after the ttl", await store.read(key), undefined);
      },
    }),
  ),
];

/** S6 and S7: how long a released or completed key is kept, and what of it. */
export const windowCases: CaseSpec[] = [...releaseCases, ...completionCases];
