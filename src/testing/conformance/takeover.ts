import type { StoreHarness } from "./harness.ts";
import { oneWins } from "./race.ts";
import {
  atOnce,
  type CaseSpec,
  equal,
  has,
  LONG,
  PAST_LEASE,
  PAST_TTL,
  remains,
  UNCERTAIN,
  unchanged,
  WAYS,
} from "./scene.ts";

const uncertainCases = WAYS.flatMap((way): CaseSpec[] => [
  {
    clause: "S4",
    says: `a ${way} key reads as uncertain, with nothing left of its lease`,
    async test(scene) {
      const { store, key, a } = scene;
      await UNCERTAIN[way](scene, a, { fingerprint: "one" });
      has("the record", await store.read(key), {
        status: "uncertain",
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
    clause: "S4",
    says: `a claim on a ${way} key without rerun is told so, and changes nothing`,
    async test(scene) {
      const { store, key, a, b, claim } = scene;
      await UNCERTAIN[way](scene, a, { fingerprint: "one" });
      for (const request of [{}, { fingerprint: "one" }, { fingerprint: "two" }, { rerun: false }]) {
        await unchanged(scene, async () => {
          has("the claim", await claim(b, request), {
            status: "uncertain",
            attempt: 1,
            fingerprint: "one",
            retryAfterMs: remains(LONG.ttlMs),
          });
        });
      }
      equal("renew by the holder", await store.renew(key, a, LONG.leaseMs), true);
    },
  },
  {
    clause: "S4",
    says: `a claim on a ${way} key with rerun takes it over, keeps runId and raises attempt`,
    async test(scene) {
      const { store, key, a, b, c, claim } = scene;
      await UNCERTAIN[way](scene, a);
      const expected = { status: "claimed", runId: a, takeover: true };
      has("the takeover", await claim(b, { rerun: true }), { ...expected, attempt: 2 });
      has("the record", await store.read(key), { status: "in-progress", attempt: 2, runId: a });
      await store.renew(key, b, 0);
      has("the next takeover", await claim(c, { rerun: true }), { ...expected, attempt: 3 });
    },
  },
]);

const fingerprintCases: CaseSpec[] = [
  {
    clause: "S4",
    says: "a claim with rerun and a different fingerprint does not take the key over",
    async test(scene) {
      const { a, b, claim } = scene;
      await UNCERTAIN.held(scene, a, { fingerprint: "one" });
      await unchanged(scene, async () => {
        const answer = await claim(b, { rerun: true, fingerprint: "two" });
        has("the claim", answer, { status: "uncertain", attempt: 1, fingerprint: "one" });
      });
    },
  },
  ...[
    ["one", "one"],
    ["one", undefined],
    [undefined, "one"],
  ].map(
    ([first, then]): CaseSpec => ({
      clause: "S4",
      says: `fingerprint ${then ?? "none"} does not differ from ${first ?? "none"} in a takeover`,
      async test(scene) {
        const { a, b, claim } = scene;
        await UNCERTAIN.held(scene, a, { fingerprint: first });
        const answer = await claim(b, { rerun: true, fingerprint: then });
        const expected = { status: "claimed", attempt: 2, runId: a, takeover: true };
        has("the takeover", answer, { ...expected, fingerprint: first ?? then });
      },
    }),
  ),
];

const notTakenOver: CaseSpec[] = [
  {
    clause: "S4",
    says: "a first claim is no takeover, with rerun neither",
    async test({ a, claim, at }) {
      has("the claim", await claim(a), { status: "claimed", takeover: false });
      const other = at("other");
      has("the claim with rerun", await other.claim(a, { rerun: true }), { takeover: false });
    },
  },
  {
    clause: "S4",
    says: "the claim of a released key is no takeover, whatever the one before it was",
    async test(scene) {
      const { store, key, a, b, c, claim } = scene;
      await claim(a);
      await store.release(key, a);
      const second = await claim(b, { rerun: true });
      has("the claim after a release", second, { status: "claimed", attempt: 2, takeover: false });
      await store.renew(key, b, 0);
      await claim(c, { rerun: true });
      await store.release(key, c);
      const last = await claim(a, { rerun: true });
      has("the claim after a takeover's release", last, { status: "claimed", attempt: 4, takeover: false });
    },
  },
];

const boundaryCases: CaseSpec[] = [
  {
    clause: "S4",
    says: "rerun does not take over a completed key",
    async test(scene) {
      const { store, key, a, b, claim } = scene;
      await claim(a);
      await store.complete(key, a, "sent", LONG.ttlMs);
      await unchanged(scene, async () => {
        has("the claim", await claim(b, { rerun: true }), { status: "completed", outcome: "sent" });
      });
    },
  },
  {
    clause: "S4",
    says: "a takeover has its own lease and ttl",
    async test(scene) {
      const { store, key, a, b, claim, short, pass } = scene;
      await UNCERTAIN.held(scene, a);
      await claim(b, { rerun: true, ...short });
      has("the record", await store.read(key), { status: "in-progress" });
      await pass(PAST_LEASE);
      has("the record after the lease", await store.read(key), { status: "uncertain" });
      await pass(PAST_TTL);
      equal("the record after the ttl", await store.read(key), undefined);
    },
  },
  {
    clause: "S4",
    says: "an abandoned key is uncertain for its ttl after the lease has lapsed",
    async test({ store, key, a, claim, short, pass }) {
      await claim(a, short);
      await pass(PAST_LEASE);
      has("the record after the lease", await store.read(key), { status: "uncertain" });
      await pass(500);
      has("the record within the ttl", await store.read(key), { status: "uncertain" });
      await pass(400);
      equal("the record after the ttl", await store.read(key), undefined);
    },
  },
  {
    clause: "S4",
    says: "a held key is uncertain for its ttl after the hold",
    async test({ store, key, a, claim, short, pass }) {
      await claim(a, { ttlMs: short.ttlMs });
      await pass(400);
      await store.renew(key, a, 0);
      await pass(600);
      has("the record within the ttl", await store.read(key), { status: "uncertain" });
      await pass(300);
      equal("the record after the ttl", await store.read(key), undefined);
    },
  },
];

const raceCases = (harness: StoreHarness): CaseSpec[] =>
  atOnce(
    harness,
    "S4",
    how => `of takeovers ${how} exactly one is claimed`,
    async (scene, rival) => {
      await UNCERTAIN.held(scene, scene.a);
      await oneWins(scene, [scene.store, rival], true);
    },
  );

/** S4: what becomes of a claim whose holder gave no sign of life. */
export const takeoverCases = (harness: StoreHarness): CaseSpec[] => [
  ...uncertainCases,
  ...fingerprintCases,
  ...notTakenOver,
  ...boundaryCases,
  ...raceCases(harness),
];
