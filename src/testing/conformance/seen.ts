import type { ClaimResult, IdempotencyStore, Seen } from "../../contract/store.ts";
import type { StoreHarness } from "./harness.ts";
import { bring, STATUSES } from "./operations.ts";
import {
  atOnce,
  type CaseSpec,
  equal,
  has,
  LONG,
  remains,
  type Scene,
  UNCERTAIN,
  unchanged,
} from "./scene.ts";

/** What an operator saw of the key: the claim that is there now. */
export async function look({ store, key }: Scene): Promise<Seen> {
  const { runId, attempt } = (await store.read(key))!;
  return { runId, attempt };
}

/** What may become of a claim between the look of an operator and what it does: each ends with another claim. */
const SINCE: Record<string, (scene: Scene) => Promise<unknown>> = {
  "was taken over": async ({ store, key, b, claim }) => {
    await claim(b, { rerun: true });
    await store.renew(key, b, 0);
  },
  "was released and claimed": async ({ store, key, a, b, claim }) => {
    await store.release(key, a);
    await claim(b);
    await store.renew(key, b, 0);
  },
  "was followed by another window": async ({ store, key, b, claim }) => {
    await store.forget(key);
    await claim(b);
    await store.renew(key, b, 0);
  },
  "was taken over and completed with the same outcome": async ({ store, key, b, claim }) => {
    await claim(b, { rerun: true });
    await store.complete(key, b, "found", LONG.ttlMs);
  },
  "was taken over and reopened": async ({ store, key, b, claim }) => {
    await claim(b, { rerun: true });
    await store.renew(key, b, 0);
    await store.reopen(key);
  },
  "was taken over and settled with the same outcome": async ({ store, key, b, claim }) => {
    await claim(b, { rerun: true });
    await store.renew(key, b, 0);
    await store.settle(key, "found", LONG.ttlMs);
  },
};

const staleCases = Object.entries(SINCE).flatMap(([since, happen]): CaseSpec[] => {
  const test = (what: string, act: (scene: Scene, seen: Seen) => unknown) => async (scene: Scene) => {
    await UNCERTAIN.held(scene, scene.a);
    const seen = await look(scene);
    await happen(scene);
    await unchanged(scene, async () => equal(what, await act(scene, seen), false));
  };
  return [
    {
      clause: "S11",
      says: `settle does nothing to a claim that ${since} since it was seen`,
      test: test("settle", ({ store, key }, seen) => store.settle(key, "found", LONG.ttlMs, seen)),
    },
    {
      clause: "S11",
      says: `forget does nothing to a claim that ${since} since it was seen`,
      test: test("forget", ({ store, key }, seen) => store.forget(key, seen)),
    },
    {
      clause: "S11",
      says: `reopen does nothing to a claim that ${since} since it was seen`,
      test: test("reopen", ({ store, key }, seen) => store.reopen(key, seen)),
    },
  ];
});

const settleCases: CaseSpec[] = [
  {
    clause: "S11",
    says: "settle completes the claim that was seen",
    async test(scene) {
      const { store, key, b } = scene;
      await bring(scene, "uncertain");
      equal("settle", await store.settle(key, "found", LONG.ttlMs / 2, await look(scene)), true);
      has("the record", await store.read(key), {
        status: "completed",
        attempt: 2,
        outcome: "found",
        expiresInMs: remains(LONG.ttlMs / 2),
      });
      equal("complete by the former holder", await store.complete(key, b, "found", LONG.ttlMs), false);
    },
  },
  {
    clause: "S11",
    says: "settle repeated with its outcome is true again, with another false, and changes nothing",
    async test(scene) {
      const { store, key, a } = scene;
      await UNCERTAIN.held(scene, a);
      const seen = await look(scene);
      await store.settle(key, "found", LONG.ttlMs, seen);
      await unchanged(scene, async () => {
        equal("the repeated settle", await store.settle(key, "found", LONG.ttlMs / 2, seen), true);
        equal("it, of whichever claim", await store.settle(key, "found", LONG.ttlMs / 2), true);
        equal("settle with another outcome", await store.settle(key, "lost", LONG.ttlMs, seen), false);
      });
    },
  },
  {
    clause: "S11",
    says: "settle does nothing to an absent key, whatever was seen",
    async test({ store, key, a }) {
      const seen = { runId: a, attempt: 1 };
      equal("settle", await store.settle(key, "found", LONG.ttlMs, seen), false);
      equal("the record", await store.read(key), undefined);
    },
  },
  ...["in-progress", "released", "completed"].map(
    (status): CaseSpec => ({
      clause: "S11",
      says: `settle does nothing to the claim that was seen where it is ${status}`,
      async test(scene) {
        const { store, key } = scene;
        await bring(scene, status);
        const seen = await look(scene);
        await unchanged(scene, async () => {
          equal("settle", await store.settle(key, "found", LONG.ttlMs, seen), false);
        });
      },
    }),
  ),
];

const forgetCases: CaseSpec[] = Object.keys(STATUSES).map(
  (status): CaseSpec => ({
    clause: "S11",
    says: `forget removes the claim that was seen where it is ${status}, and is true when sent again`,
    async test(scene) {
      const { store, key, c, claim } = scene;
      await bring(scene, status);
      const seen = await look(scene);
      equal("forget", await store.forget(key, seen), true);
      equal("the record", await store.read(key), undefined);
      equal("forget sent again", await store.forget(key, seen), true);
      has("the next claim", await claim(c), { status: "claimed", attempt: 1, runId: c });
      await unchanged(scene, async () => {
        equal("forget sent once more", await store.forget(key, seen), false);
      });
    },
  }),
);

/** What an operator's operation may meet when another takes the key over at the same moment, and makes it uncertain again. */
export async function meetTakeover<T>(scene: Scene, rival: IdempotencyStore, act: (seen: Seen) => T) {
  const { key, a, b } = scene;
  await UNCERTAIN.held(scene, a);
  const seen = await look(scene);
  const takeover = { token: b, rerun: true, ...LONG };
  const [acted, answer] = await Promise.all([act(seen), rival.claim(key, takeover), rival.renew(key, b, 0)]);
  return { acted, answer: answer as ClaimResult };
}

const RACES: Record<string, (scene: Scene, rival: IdempotencyStore) => Promise<void>> = {
  "settle and a takeover": async (scene, rival) => {
    const { acted, answer } = await meetTakeover(scene, rival, seen =>
      scene.store.settle(scene.key, "found", LONG.ttlMs, seen),
    );
    const expected = acted ? { status: "completed", outcome: "found" } : { status: "claimed", attempt: 2 };
    has("the takeover at the moment of settle", answer, expected);
    has("the record", await scene.store.read(scene.key), { attempt: acted ? 1 : 2 });
  },
  "forget and a takeover": async (scene, rival) => {
    const { acted, answer } = await meetTakeover(scene, rival, seen => scene.store.forget(scene.key, seen));
    const expected = acted ? { attempt: 1, runId: scene.b } : { attempt: 2, runId: scene.a };
    has("the takeover at the moment of forget", answer, { status: "claimed", ...expected });
    has("the record", await scene.store.read(scene.key), expected);
  },
};

const raceCases = (harness: StoreHarness): CaseSpec[] =>
  Object.entries(RACES).flatMap(([what, race]) =>
    atOnce(harness, "S11", how => `${what} ${how}: one of them meets the other's`, race),
  );

/** S11: what an operator does to the claim that it saw; `reopen` has a file of its own. */
export const seenCases = (harness: StoreHarness): CaseSpec[] => [
  ...settleCases,
  ...forgetCases,
  ...staleCases,
  ...raceCases(harness),
];
