import {
  type CaseSpec,
  equal,
  has,
  LONG,
  PAST_LEASE,
  PAST_TTL,
  remains,
  type Scene,
  UNCERTAIN,
  unchanged,
  WAYS,
} from "./scene.ts";

const repeatCases: CaseSpec[] = [
  {
    clause: "S2",
    says: "a claim repeated with its token is claimed again, with the same attempt and runId",
    async test({ store, key, a, b, claim }) {
      const expected = { status: "claimed", runId: a, takeover: false };
      await claim(a);
      has("the repeated claim", await claim(a), { ...expected, attempt: 1 });
      await store.release(key, a);
      await claim(b);
      has("the repeated second claim", await claim(b, { rerun: true }), { ...expected, attempt: 2 });
    },
  },
  {
    clause: "S2",
    says: "a takeover repeated with its token is a takeover again, its lease over or not, with rerun or without",
    async test(scene) {
      const { store, key, a, b, claim } = scene;
      const expected = { status: "claimed", attempt: 2, runId: a, takeover: true };
      await UNCERTAIN.held(scene, a);
      has("the takeover", await claim(b, { rerun: true }), expected);
      for (const rerun of [true, false]) {
        has("the repeated takeover", await claim(b, { rerun }), expected);
        has("the takeover repeated once more", await claim(b, { rerun }), expected);
        await store.renew(key, b, 0);
        has("the takeover repeated after its lease", await claim(b, { rerun }), expected);
      }
    },
  },
  {
    clause: "S2",
    says: "a repeated claim shows the fingerprint that the key is held with",
    async test({ store, key, a, b, claim }) {
      has("the claim", await claim(a), { status: "claimed", fingerprint: undefined });
      has("the repeated claim", await claim(a), { status: "claimed", fingerprint: undefined });
      await store.release(key, a);
      has("the second claim", await claim(b, { fingerprint: "one" }), { fingerprint: "one" });
      has("the repeated second claim", await claim(b, { fingerprint: "one" }), { fingerprint: "one" });
    },
  },
  {
    clause: "S2",
    says: "a claim sent twice at once is claimed twice, as one attempt",
    async test({ a, claim }) {
      for (const answer of await Promise.all([claim(a), claim(a)])) {
        has("each of the claims", answer, { status: "claimed", attempt: 1, runId: a });
      }
    },
  },
  {
    clause: "S2",
    says: "a repeated claim has a fresh lease",
    async test({ store, key, a, claim, short, pass }) {
      await claim(a, { leaseMs: short.leaseMs });
      await pass(200);
      await claim(a, { leaseMs: short.leaseMs });
      await pass(250);
      has("the record after its first lease", await store.read(key), { status: "in-progress" });
    },
  },
  ...WAYS.map(
    (way): CaseSpec => ({
      clause: "S2",
      says: `a claim repeated on its ${way} key is claimed again, with the same attempt and runId`,
      async test(scene) {
        const { store, key, a, claim } = scene;
        for (const rerun of [false, true]) {
          await UNCERTAIN[way](scene, a);
          const expected = { status: "claimed", attempt: 1, runId: a, takeover: false };
          has("the repeated claim", await claim(a, { rerun }), expected);
          has("the record", await store.read(key), {
            status: "in-progress",
            leaseInMs: remains(LONG.leaseMs),
          });
        }
      },
    }),
  ),
  {
    clause: "S2",
    says: "a claim repeated after another replaced it is told of that one",
    async test(scene) {
      const { a, b, claim } = scene;
      await UNCERTAIN.held(scene, a);
      await claim(b, { rerun: true });
      await unchanged(scene, async () => {
        has("the repeated claim", await claim(a), { status: "in-progress", attempt: 2 });
      });
    },
  },
  {
    clause: "S2",
    says: "a claim repeated after its completion is told the outcome",
    async test({ store, key, a, claim }) {
      await claim(a);
      await store.complete(key, a, "sent", LONG.ttlMs);
      has("the repeated claim", await claim(a), { status: "completed", attempt: 1, outcome: "sent" });
    },
  },
];

/** What a key may have been before its time was over, and when that is. */
const EXPIRED: Record<string, { leave(scene: Scene): Promise<unknown>; after: number }> = {
  completed: {
    async leave({ store, key, a, claim, short }) {
      await claim(a, { fingerprint: "old" });
      await store.complete(key, a, "old", short.ttlMs);
    },
    after: PAST_TTL,
  },
  released: {
    async leave({ store, key, a, claim, short }) {
      await claim(a, { fingerprint: "old", ttlMs: short.ttlMs });
      await store.release(key, a);
    },
    after: PAST_TTL,
  },
  held: {
    leave: async scene => UNCERTAIN.held(scene, scene.a, { fingerprint: "old", ttlMs: scene.short.ttlMs }),
    after: PAST_TTL,
  },
  abandoned: {
    leave: async ({ a, claim, short }) => claim(a, { fingerprint: "old", ...short }),
    after: PAST_LEASE + PAST_TTL,
  },
};

/** What an operation does where there is nothing, each on a key of its own. The claim comes last: it may purge. */
const ON_NOTHING: Record<string, (scene: Scene) => Promise<void>> = {
  async read({ store, key }) {
    equal("the record", await store.read(key), undefined);
  },
  async renew({ store, key, a }) {
    equal("renew by the former holder", await store.renew(key, a, LONG.leaseMs), false);
    equal("the record after it", await store.read(key), undefined);
  },
  async complete({ store, key, a }) {
    equal("complete by the former holder", await store.complete(key, a, "late", LONG.ttlMs), false);
    equal("the record after it", await store.read(key), undefined);
  },
  async release({ store, key, a }) {
    equal("release by the former holder", await store.release(key, a), false);
    equal("the record after it", await store.read(key), undefined);
  },
  async settle({ store, key }) {
    equal("settle", await store.settle(key, "found", LONG.ttlMs), false);
    equal("the record after it", await store.read(key), undefined);
  },
  async forget({ store, key }) {
    equal("forget", await store.forget(key), false);
  },
  async claim({ store, key, b, claim }) {
    has("the next claim", await claim(b), { status: "claimed", attempt: 1, runId: b });
    has("the new record", await store.read(key), { attempt: 1, runId: b, fingerprint: undefined });
  },
};

const expiryCases = Object.entries(EXPIRED).map(
  ([state, { leave, after }]): CaseSpec => ({
    clause: "S3",
    says: `an expired ${state} record is as good as absent`,
    async test(scene) {
      const probes = Object.entries(ON_NOTHING).map(([name, probe]) => ({ at: scene.at(name), probe }));
      for (const { at } of probes) await leave(at);
      await scene.pass(after);
      for (const { at, probe } of probes) await probe(at);
    },
  }),
);

/** S2 and S3: claims that are repeated, and claims on what is expired. */
export const claimCases: CaseSpec[] = [...repeatCases, ...expiryCases];
