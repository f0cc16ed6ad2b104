import {
  type CaseSpec,
  equal,
  has,
  holdsNothing,
  LONG,
  mayTell,
  remains,
  type Scene,
  UNCERTAIN,
  unchanged,
} from "./scene.ts";

/** The statuses of a record, and how to come by them; the last holder is `b`, after a takeover from `a`. */
export const STATUSES: Record<string, (scene: Scene) => unknown> = {
  "in-progress": () => {},
  uncertain: ({ store, key, b }) => store.renew(key, b, 0),
  released: ({ store, key, b }) => store.release(key, b),
  completed: ({ store, key, b }) => store.complete(key, b, "sent", LONG.ttlMs),
};

/** Makes the key one with that status. */
export async function bring(scene: Scene, status: string): Promise<void> {
  await UNCERTAIN.held(scene, scene.a, { fingerprint: "one" });
  await scene.claim(scene.b, { rerun: true, fingerprint: "one" });
  await STATUSES[status]?.(scene);
}

const readCases: CaseSpec[] = [
  {
    clause: "read",
    says: "knows nothing of an absent key, and leaves none",
    async test({ store, key, a, claim }) {
      equal("the record", await store.read(key), undefined);
      equal("the record read again", await store.read(key), undefined);
      has("the claim", await claim(a), { status: "claimed", attempt: 1, runId: a });
    },
  },
  {
    clause: "read",
    says: "tells of a claim in progress all but its token",
    async test({ store, key, a, claim }) {
      await claim(a, { fingerprint: "one" });
      has("the record", await store.read(key), {
        status: "in-progress",
        attempt: 1,
        runId: a,
        fingerprint: "one",
        outcome: undefined,
        leaseInMs: remains(LONG.leaseMs),
        expiresInMs: remains(LONG.leaseMs + LONG.ttlMs),
      });
    },
  },
  ...Object.keys(STATUSES).map(
    (status): CaseSpec => ({
      clause: "read",
      says: `of a key that is ${status} never shows the token and changes nothing`,
      async test(scene) {
        const { store, key, a, b } = scene;
        await bring(scene, status);
        await unchanged(scene, async () => {
          const record = await store.read(key);
          has("the record", record, { status, attempt: 2, runId: a, fingerprint: "one" });
          equal("whether the record shows the token", JSON.stringify(record).includes(b), false);
        });
      },
    }),
  ),
  {
    clause: "read",
    says: "extends no lease",
    async test({ store, key, a, claim, short, pass }) {
      await claim(a, { leaseMs: short.leaseMs });
      await pass(250);
      has("the record within the lease", await store.read(key), { status: "in-progress" });
      await pass(250);
      has("the record after the lease", await store.read(key), { status: "uncertain" });
    },
  },
];

const settleCases: CaseSpec[] = [
  {
    clause: "settle",
    says: "completes an uncertain key, whose former holder holds it no longer",
    async test(scene) {
      const { store, key, a, b, claim } = scene;
      await UNCERTAIN.held(scene, a, { fingerprint: "one" });
      equal("settle", await store.settle(key, "found", LONG.ttlMs / 2), true);
      const expected = { status: "completed", attempt: 1, fingerprint: "one", outcome: "found" };
      const record = { ...expected, runId: a, leaseInMs: 0, expiresInMs: remains(LONG.ttlMs / 2) };
      has("the record", await store.read(key), record);
      has("the next claim", await claim(b), { ...expected, expiresInMs: mayTell(LONG.ttlMs / 2) });
      has("the former holder's claim", await claim(a), expected);
      await holdsNothing(scene, a);
    },
  },
  {
    clause: "settle",
    says: "completes a key whose lease has lapsed, for its ttl from that moment",
    async test(scene) {
      const { store, key, a, short, pass } = scene;
      await UNCERTAIN.lapsed(scene, a);
      equal("settle", await store.settle(key, "found", short.ttlMs), true);
      await pass(600);
      has("the record within the ttl", await store.read(key), { status: "completed", outcome: "found" });
      await pass(300);
      equal("the record after the ttl", await store.read(key), undefined);
    },
  },
  {
    clause: "settle",
    says: "does nothing to an absent key",
    async test({ store, key }) {
      equal("settle", await store.settle(key, "found", LONG.ttlMs), false);
      equal("the record", await store.read(key), undefined);
    },
  },
  ...["in-progress", "released", "completed"].map(
    (status): CaseSpec => ({
      clause: "settle",
      says: `does nothing to a key that is ${status}`,
      async test(scene) {
        await bring(scene, status);
        await unchanged(scene, async () => {
          equal("settle", await scene.store.settle(scene.key, "found", LONG.ttlMs), false);
        });
      },
    }),
  ),
];

const forgetCases: CaseSpec[] = [
  {
    clause: "forget",
    says: "is false where there was nothing",
    async test({ store, key }) {
      equal("forget", await store.forget(key), false);
    },
  },
  ...Object.keys(STATUSES).map(
    (status): CaseSpec => ({
      clause: "forget",
      says: `removes a key that is ${status}, attempts and all`,
      async test(scene) {
        const { store, key, b, c, claim } = scene;
        await bring(scene, status);
        equal("forget", await store.forget(key), true);
        equal("the record", await store.read(key), undefined);
        equal("forget again", await store.forget(key), false);
        await holdsNothing(scene, b);
        has("the next claim", await claim(c), { status: "claimed", attempt: 1, runId: c });
        await holdsNothing(scene, b);
      },
    }),
  ),
];

/** `read`, `settle` and `forget`, where no numbered clause speaks of them. */
export const operationCases: CaseSpec[] = [...readCases, ...settleCases, ...forgetCases];
