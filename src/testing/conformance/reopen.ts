import type { IdempotencyStore } from "../../contract/store.ts";
import type { StoreHarness } from "./harness.ts";
import { bring, STATUSES } from "./operations.ts";
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
import { look, meetTakeover } from "./seen.ts";

const NOT_UNCERTAIN = Object.keys(STATUSES).filter(status => status !== "uncertain");

const operationCases: CaseSpec[] = [
  ...WAYS.map(
    (way): CaseSpec => ({
      clause: "reopen",
      says: `releases a ${way} key, whose former holder holds it no longer`,
      async test(scene) {
        const { store, key, a, b, claim } = scene;
        await UNCERTAIN[way](scene, a, { fingerprint: "one" });
        const { claimedAt } = (await store.read(key))!;
        equal("reopen", await store.reopen(key), true);
        has("the record", await store.read(key), {
          status: "released",
          attempt: 1,
          runId: a,
          fingerprint: "one",
          outcome: undefined,
          leaseInMs: 0,
          expiresInMs: remains(LONG.ttlMs),
          claimedAt,
        });
        await holdsNothing(scene, a);
        const next = await claim(b, { fingerprint: "one" });
        has("the next claim", next, { status: "claimed", attempt: 2, runId: a, takeover: false });
      },
    }),
  ),
  {
    clause: "reopen",
    says: "keeps what it released for its ttl from that moment",
    async test(scene) {
      const { store, key, a, short, pass } = scene;
      await UNCERTAIN.lapsed(scene, a, { ttlMs: short.ttlMs });
      await pass(300);
      equal("reopen", await store.reopen(key), true);
      await pass(600);
      has("the record within the ttl", await store.read(key), { status: "released" });
      await pass(300);
      equal("the record after the ttl", await store.read(key), undefined);
    },
  },
  {
    clause: "reopen",
    says: "leaves a key to a claim with a different fingerprint, as one that was released",
    async test(scene) {
      const { store, key, a, b, claim } = scene;
      await UNCERTAIN.held(scene, a, { fingerprint: "one" });
      await store.reopen(key);
      const next = await claim(b, { fingerprint: "two" });
      has("the next claim", next, { status: "claimed", attempt: 1, runId: b, fingerprint: "two" });
    },
  },
  {
    clause: "reopen",
    says: "does nothing to an absent key",
    async test({ store, key, a }) {
      equal("reopen", await store.reopen(key), false);
      equal("reopen of what was seen", await store.reopen(key, { runId: a, attempt: 1 }), false);
      equal("the record", await store.read(key), undefined);
    },
  },
  ...NOT_UNCERTAIN.map(
    (status): CaseSpec => ({
      clause: "reopen",
      says: `does nothing to a key that is ${status}`,
      async test(scene) {
        await bring(scene, status);
        await unchanged(scene, async () => {
          equal("reopen", await scene.store.reopen(scene.key), false);
        });
      },
    }),
  ),
];

const seenCases: CaseSpec[] = [
  {
    clause: "S11",
    says: "reopen releases the claim that was seen",
    async test(scene) {
      const { store, key, b } = scene;
      await bring(scene, "uncertain");
      equal("reopen", await store.reopen(key, await look(scene)), true);
      has("the record", await store.read(key), { status: "released", attempt: 2 });
      equal("complete by the former holder", await store.complete(key, b, "sent", LONG.ttlMs), false);
    },
  },
  {
    clause: "S11",
    says: "reopen sent again is true while the claim that was seen is released, and changes nothing",
    async test(scene) {
      const { store, key, a, b, claim, pass } = scene;
      await UNCERTAIN.held(scene, a);
      const seen = await look(scene);
      await store.reopen(key, seen);
      await pass(PAST_LEASE);
      const { expiresInMs } = (await store.read(key))!;
      await unchanged(scene, async () => equal("reopen again", await store.reopen(key, seen), true));
      has("the record", await store.read(key), { expiresInMs: { over: 0, upTo: expiresInMs } });
      await claim(b);
      await store.release(key, b);
      await unchanged(scene, async () => equal("reopen once more", await store.reopen(key, seen), false));
    },
  },
  ...["in-progress", "completed"].map(
    (status): CaseSpec => ({
      clause: "S11",
      says: `reopen does nothing to the claim that was seen where it is ${status}`,
      async test(scene) {
        await bring(scene, status);
        const seen = await look(scene);
        await unchanged(scene, async () => {
          equal("reopen", await scene.store.reopen(scene.key, seen), false);
        });
      },
    }),
  ),
];

async function raceTakeover(scene: Scene, rival: IdempotencyStore): Promise<void> {
  const { store, key } = scene;
  const { acted, answer } = await meetTakeover(scene, rival, seen => store.reopen(key, seen));
  // The takeover comes first, or meets a released key.
  has("the claim at the moment of reopen", answer, { status: "claimed", attempt: 2, takeover: !acted });
  has("the record", await store.read(key), { attempt: 2 });
}

const raceCases = (harness: StoreHarness): CaseSpec[] =>
  atOnce(harness, "S11", how => `reopen and a takeover ${how}: one of them meets the other's`, raceTakeover);

/** `reopen`, and what of S11 speaks of it. */
export const reopenCases = (harness: StoreHarness): CaseSpec[] => [
  ...operationCases,
  ...seenCases,
  ...raceCases(harness),
];
