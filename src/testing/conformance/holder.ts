import type { IdempotencyStore } from "../../contract/store.ts";
import type { StoreHarness } from "./harness.ts";
import {
  atOnce,
  type CaseSpec,
  equal,
  has,
  holdsNothing,
  LONG,
  PAST_LEASE,
  remains,
  type Scene,
  UNCERTAIN,
  unchanged,
  WAYS,
} from "./scene.ts";

/** Keys that a token does not hold: each makes one, and the token of the scene that is `a` or `b` tries its luck. */
const NOT_HELD: Record<string, { token: "a" | "b"; prepare(scene: Scene): Promise<unknown> }> = {
  "an absent key": { token: "a", prepare: async () => {} },
  "another's key": { token: "b", prepare: async ({ a, claim }) => claim(a) },
  "another's uncertain key": { token: "b", prepare: async scene => UNCERTAIN.held(scene, scene.a) },
  "a key that it released": { token: "a", prepare: async scene => release(scene) },
  "another's completed key": { token: "b", prepare: async scene => complete(scene) },
  "a key that was taken over from it": {
    token: "a",
    async prepare(scene) {
      await UNCERTAIN.lapsed(scene, scene.a);
      await scene.claim(scene.b, { rerun: true });
    },
  },
  "a key that its successor completed": {
    token: "a",
    async prepare(scene) {
      const { store, key, a, b, claim } = scene;
      await UNCERTAIN.held(scene, a);
      await claim(b, { rerun: true });
      await store.complete(key, b, "sent by the successor", LONG.ttlMs);
    },
  },
  "a key that was claimed after its release": {
    token: "a",
    async prepare(scene) {
      await release(scene);
      await scene.claim(scene.b);
    },
  },
};

async function release({ store, key, a, claim }: Scene): Promise<void> {
  await claim(a, { fingerprint: "one" });
  equal("release by the holder", await store.release(key, a), true);
}

async function complete({ store, key, a, claim }: Scene, ttlMs: number = LONG.ttlMs): Promise<void> {
  await claim(a);
  equal("complete by the holder", await store.complete(key, a, "sent", ttlMs), true);
}

const strangerCases: CaseSpec[] = [
  {
    clause: "S5",
    says: "a stranger's attempts leave the key to its holder",
    async test(scene) {
      const { store, key, a, b, claim } = scene;
      await claim(a);
      await holdsNothing(scene, b);
      equal("renew by the holder", await store.renew(key, a, LONG.leaseMs), true);
      equal("complete by the holder", await store.complete(key, a, "sent", LONG.ttlMs), true);
    },
  },
  ...Object.entries(NOT_HELD).map(
    ([what, { token, prepare }]): CaseSpec => ({
      clause: "S5",
      says: `a token can do nothing to ${what}`,
      async test(scene) {
        await prepare(scene);
        await holdsNothing(scene, scene[token]);
      },
    }),
  ),
];

const renewCases: CaseSpec[] = [
  {
    clause: "S5",
    says: "renew sets the lease from now, be it longer or shorter",
    async test({ store, key, a, claim, short, pass }) {
      await claim(a, { leaseMs: short.leaseMs });
      equal("renew by the holder", await store.renew(key, a, LONG.leaseMs), true);
      await pass(PAST_LEASE);
      has("the record", await store.read(key), { status: "in-progress", leaseInMs: remains(LONG.leaseMs) });
      equal("renew by the holder", await store.renew(key, a, short.leaseMs), true);
      await pass(PAST_LEASE);
      has("the record", await store.read(key), { status: "uncertain", leaseInMs: 0 });
    },
  },
  {
    clause: "S5",
    says: "a renewed claim outlives its ttl, and the claim it was",
    async test({ store, key, a, claim, short, pass }) {
      const request = { leaseMs: short.leaseMs, ttlMs: short.leaseMs };
      await claim(a, request);
      for (let i = 0; i < 5; i += 1) {
        await pass(200);
        equal("renew by the holder", await store.renew(key, a, short.leaseMs), true);
      }
      has("the record", await store.read(key), { status: "in-progress", attempt: 1, runId: a });
      equal("complete by the holder", await store.complete(key, a, "sent", LONG.ttlMs), true);
    },
  },
  {
    clause: "S5",
    says: "renew by 0 ends the lease now",
    async test({ store, key, a, claim }) {
      await claim(a);
      equal("hold by the holder", await store.renew(key, a, 0), true);
      has("the record", await store.read(key), { status: "uncertain", attempt: 1, leaseInMs: 0 });
    },
  },
];

const lapsedHolderCases = WAYS.map(
  (way): CaseSpec => ({
    clause: "S5",
    says: `a holder of a ${way} key whom nobody replaced may still renew, complete or release`,
    async test(scene) {
      const { store, key, a, b } = scene;
      await UNCERTAIN[way](scene, a);
      equal("renew by the holder", await store.renew(key, a, LONG.leaseMs), true);
      has("the renewed record", await store.read(key), { status: "in-progress", attempt: 1, runId: a });
      await UNCERTAIN[way](scene, a);
      equal("release by the holder", await store.release(key, a), true);
      has("the released record", await store.read(key), { status: "released", attempt: 1, runId: a });
      await UNCERTAIN[way](scene, b);
      equal("complete by the holder", await store.complete(key, b, "sent", LONG.ttlMs), true);
      has("the completed record", await store.read(key), {
        status: "completed",
        attempt: 2,
        outcome: "sent",
      });
    },
  }),
);

/** What a holder's completion may meet when another takes its uncertain key over at the same moment. */
async function raceTakeover(scene: Scene, rival: IdempotencyStore): Promise<void> {
  const { store, key, a, b } = scene;
  await UNCERTAIN.held(scene, a);
  const [completed, answer] = await Promise.all([
    store.complete(key, a, "sent", LONG.ttlMs),
    rival.claim(key, { token: b, rerun: true, ...LONG }),
  ]);
  const expected = completed ? { status: "completed", outcome: "sent" } : { status: "claimed", attempt: 2 };
  has("the takeover at the moment of completion", answer, expected);
}

const completionCases: CaseSpec[] = [
  {
    clause: "S5",
    says: "complete repeated by its own token is true again, and changes no outcome",
    async test(scene) {
      const { store, key, a } = scene;
      await complete(scene);
      equal("the repeated complete", await store.complete(key, a, "sent", LONG.ttlMs), true);
      has("the record", await store.read(key), { status: "completed", attempt: 1, outcome: "sent" });
    },
  },
  {
    clause: "S5",
    says: "a token that has completed its key can neither renew, hold nor release it",
    async test(scene) {
      const { store, key, a } = scene;
      await complete(scene);
      await unchanged(scene, async () => {
        equal("renew after completion", await store.renew(key, a, LONG.leaseMs), false);
        equal("hold after completion", await store.renew(key, a, 0), false);
        equal("release after completion", await store.release(key, a), false);
      });
    },
  },
];

const raceCases = (harness: StoreHarness): CaseSpec[] =>
  atOnce(harness, "S5", how => `a completion and a takeover ${how}: one of them happens`, raceTakeover);

/** S5: what a token may do to a key, and to a key that it does not hold. */
export const holderCases = (harness: StoreHarness): CaseSpec[] => [
  ...strangerCases,
  ...renewCases,
  ...lapsedHolderCases,
  ...completionCases,
  ...raceCases(harness),
];
