import type { IdempotencyStore } from "../../contract/store.ts";
import { encodeResult, outcomeLimit } from "../../results/outcome-text.ts";
import { crowd } from "./full.ts";
import type { StoreHarness } from "./harness.ts";
import { type CaseSpec, equal, has, holdsNothing, LONG, PAST_LEASE, PAST_TTL, type Scene } from "./scene.ts";
import { awkwardKeys, awkwardOutcomes, fitted, MIB } from "./texts.ts";

type Cleanup = NonNullable<StoreHarness["cleanup"]>;

const keyCases: CaseSpec[] = [
  {
    clause: "S9",
    says: "keys differ by every code unit",
    async test({ store, key }) {
      const keys = awkwardKeys(key);
      for (const each of keys) await store.forget(each);
      for (const [i, each] of keys.entries()) {
        const what = `the claim of ${JSON.stringify(each)}`;
        const token = `${key}-${i}`;
        has(what, await store.claim(each, { token, ...LONG }), {
          status: "claimed",
          attempt: 1,
          runId: token,
        });
        await store.complete(each, token, `outcome ${i}`, LONG.ttlMs);
      }
      // One after the other is forgotten, so that a pattern in a key would take others with it.
      for (const [i, each] of keys.entries()) {
        has(`the record of ${JSON.stringify(each)}`, await store.read(each), { outcome: `outcome ${i}` });
        equal(`forget ${JSON.stringify(each)}`, await store.forget(each), true);
      }
    },
  },
];

/** As the engine makes both: 22 characters of `[A-Za-z0-9_-]`. */
const DIGEST = "aZ09-_bYcXdWeVfUgThSiR";

/** S9, of what the engine compares. */
export const digestCase: CaseSpec = {
  clause: "S9",
  says: "tokens and fingerprints are kept to the letter",
  async test(scene) {
    const { store, key, b, claim } = scene;
    const others = [DIGEST.toLowerCase(), `${DIGEST.slice(0, -1)}Q`];
    const known = { attempt: 1, fingerprint: DIGEST };
    has("the claim", await claim(DIGEST, { fingerprint: DIGEST }), { ...known, runId: DIGEST });
    has("the record", await store.read(key), { ...known, runId: DIGEST });
    has("another's claim", await claim(b, { fingerprint: DIGEST }), { ...known, status: "in-progress" });
    for (const other of others) await holdsNothing(scene, other);
    await store.renew(key, DIGEST, 0);
    for (const fingerprint of others) {
      const answer = await claim(b, { rerun: true, fingerprint });
      has("the claim with a fingerprint that differs", answer, { ...known, status: "uncertain" });
    }
  },
};

const outcomeCases = Object.entries(awkwardOutcomes).map(
  ([what, whole]): CaseSpec => ({
    clause: "S9",
    says: `outcomes come back to the letter: ${what}`,
    async test({ store, key, a, b, claim }) {
      const outcome = fitted(whole, outcomeLimit({ maxResultBytes: MIB }, store));
      await claim(a);
      await store.complete(key, a, outcome, LONG.ttlMs);
      has("the claim", await claim(b), { status: "completed", outcome });
      has("the record", await store.read(key), { status: "completed", outcome });
      await store.forget(key);
      await claim(b);
      await store.renew(key, b, 0);
      await store.settle(key, outcome, LONG.ttlMs);
      has("the settled record", await store.read(key), { status: "completed", outcome });
    },
  }),
);

/** Room to say that there was a result, and why it was not kept. */
const LEAST_BYTES = 4_096;

const limitCases: CaseSpec[] = [
  {
    clause: "S9",
    says: "maxOutcomeBytes, if it is there, leaves room for 4 KiB",
    async test({ store }) {
      const limit = { over: LEAST_BYTES - 1, upTo: Number.MAX_SAFE_INTEGER, maybe: true };
      has("the store", store, { maxOutcomeBytes: limit });
    },
  },
  {
    clause: "S9",
    says: "a result as large as the store takes is kept, and a larger one completes the key without it",
    async test(scene) {
      const { store } = scene;
      const limit = outcomeLimit({ maxResultBytes: MIB }, store);
      // As JSON a text has two bytes more.
      for (const length of [limit - 2, limit - 1]) {
        const { key, a, claim } = scene.at(`${length}`);
        await claim(a);
        const { text } = encodeResult("x".repeat(length), undefined, limit);
        const completed = await store.complete(key, a, text, LONG.ttlMs);
        equal(`complete with the outcome of a result of ${length} bytes`, completed, true);
        has("its record", await store.read(key), { status: "completed", outcome: text });
      }
    },
  },
];

/** Leaves some records that last longer than their claim said, and some that last less. Returns the longer ones. */
async function otherwiseThanClaimed(store: IdempotencyStore, key: string, short: Scene["short"]) {
  const claimed = async (name: string, times: Scene["short"]) => {
    const [each, token] = [`${key}-${name}`, crypto.randomUUID()] as const;
    await store.claim(each, { token, ...times });
    return [each, token] as const;
  };
  const [renewed, renewer] = await claimed("renewed", short);
  await store.renew(renewed, renewer, LONG.leaseMs);
  const [kept, keeper] = await claimed("kept", short);
  await store.complete(kept, keeper, "kept", LONG.ttlMs);
  const [settled, holder] = await claimed("settled", short);
  await store.renew(settled, holder, 0);
  await store.settle(settled, "found", LONG.ttlMs);
  const [brief, sender] = await claimed("brief", LONG);
  await store.complete(brief, sender, "gone soon", short.ttlMs);
  const [found, loser] = await claimed("found", LONG);
  await store.renew(found, loser, 0);
  await store.settle(found, "gone soon", short.ttlMs);
  const [retried, first] = await claimed("retried", LONG);
  await store.release(retried, first);
  await claimed("retried", short);
  return new Map([
    [renewed, "in-progress"],
    [kept, "completed"],
    [settled, "completed"],
  ] as const);
}

/** Leaves records of every kind, lets their time pass, and cleans up. */
async function nothingStays(scene: Scene, cleanup: Cleanup, clean: (store: IdempotencyStore) => unknown) {
  const { key, short, adopt, pass } = scene;
  const store = adopt(await cleanup.create());
  await crowd(store, key, 8, short);
  const live = new Map([
    ...(await crowd(store, `${key}-live`, 4, LONG)),
    ...(await otherwiseThanClaimed(store, key, short)),
  ]);
  await pass(PAST_LEASE + PAST_TTL);
  await clean(store);
  equal("the number of records in the storage", await cleanup.count(store), live.size);
  for (const [each, status] of live) has("the live record", await store.read(each), { status });
}

const cleanupCases = ({ cleanup, advance }: StoreHarness): CaseSpec[] => {
  const { withinMs, purge } = cleanup ?? {};
  return [
    {
      clause: "S10",
      says: "records past their time are removed without a call, and only those",
      test:
        cleanup && withinMs !== undefined
          ? scene => nothingStays(scene, cleanup, () => advance(withinMs))
          : undefined,
    },
    {
      clause: "S10",
      says: "purge removes records past their time, and only those",
      test: cleanup && purge && (scene => nothingStays(scene, cleanup, purge)),
    },
    {
      clause: "S10",
      says: "forget leaves nothing in the storage",
      test:
        cleanup &&
        (async ({ key, adopt }) => {
          const store = adopt(await cleanup.create());
          for (const each of (await crowd(store, key, 4, LONG)).keys()) await store.forget(each);
          equal("the number of records in the storage", await cleanup.count(store), 0);
        }),
    },
  ];
};

/** S9 and S10: how records are kept, and that they go. */
export const storageCases = (harness: StoreHarness): CaseSpec[] => [
  ...keyCases,
  ...outcomeCases,
  ...limitCases,
  ...cleanupCases(harness),
];
