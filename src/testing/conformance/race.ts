import type { ClaimResult, IdempotencyStore } from "../../contract/store.ts";
import type { StoreHarness } from "./harness.ts";
import {
  atOnce,
  type CaseSpec,
  equal,
  has,
  LONG,
  PAST_TTL,
  remains,
  type Scene,
  unchanged,
} from "./scene.ts";

const RIVALS = 20;

/** Claims the key with many tokens at once and fails unless one of them wins. */
export async function oneWins(
  { key }: Scene,
  clients: readonly IdempotencyStore[],
  rerun?: boolean,
): Promise<void> {
  const claims = Array.from({ length: RIVALS }, async (_, i): Promise<ClaimResult> => {
    const client = clients[i % clients.length] as IdempotencyStore;
    return client.claim(key, { token: `${key}-${i}`, ...LONG, rerun });
  });
  const answers = await Promise.all(claims);
  const count = (status: string) => answers.filter(answer => answer.status === status).length;
  equal("the number of claims that won", count("claimed"), 1);
  equal("the number of claims that were told of the winner", count("in-progress"), RIVALS - 1);
}

/** What a key may be when many claim it at once. */
const STARTS: Record<string, (scene: Scene) => Promise<unknown>> = {
  "an absent key": async () => {},
  "an expired key": async ({ store, key, a, claim, short, pass }) => {
    await claim(a);
    await store.complete(key, a, "old", short.ttlMs);
    await pass(PAST_TTL);
  },
  "a released key": async ({ store, key, a, claim }) => {
    await claim(a);
    await store.release(key, a);
  },
};

const startCases = (harness: StoreHarness): CaseSpec[] =>
  Object.entries(STARTS).flatMap(([start, prepare]) =>
    atOnce(
      harness,
      "S1",
      how => `of claims ${how} on ${start} exactly one is claimed`,
      async (scene, rival) => {
        await prepare(scene);
        await oneWins(scene, [scene.store, rival]);
      },
    ),
  );

const othersCases: CaseSpec[] = [
  {
    clause: "S1",
    says: "the first claim is attempt 1, and its token the runId",
    async test({ a, claim }) {
      const answer = await claim(a, { fingerprint: "one" });
      has("the first claim", answer, { status: "claimed", attempt: 1, runId: a, fingerprint: "one" });
    },
  },
  {
    clause: "S1",
    says: "another claim is told of the holder's attempt, fingerprint and lease, and changes nothing",
    async test(scene) {
      const { store, key, a, b, claim } = scene;
      await claim(a, { fingerprint: "one" });
      for (const request of [{}, { fingerprint: "two" }, { rerun: true }, { leaseMs: 1, ttlMs: 1 }]) {
        await unchanged(scene, async () => {
          has("the other claim", await claim(b, request), {
            status: "in-progress",
            attempt: 1,
            fingerprint: "one",
            retryAfterMs: remains(LONG.leaseMs),
          });
        });
      }
      equal("renew by the holder", await store.renew(key, a, LONG.leaseMs), true);
    },
  },
  {
    clause: "S1",
    says: "a claim without a fingerprint shows none",
    async test({ a, b, claim }) {
      await claim(a);
      has("the other claim", await claim(b), { status: "in-progress", fingerprint: undefined });
    },
  },
];

/** S1: who gets a key, and what the others learn. */
export const raceCases = (harness: StoreHarness): CaseSpec[] => [...startCases(harness), ...othersCases];
