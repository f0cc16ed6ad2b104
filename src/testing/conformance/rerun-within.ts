import { bring, STATUSES } from "./operations.ts";
import { type CaseSpec, equal, has, LONG, type Scene, UNCERTAIN, unchanged, WAYS } from "./scene.ts";

/** Within how many milliseconds a window may be taken over that lives on; and one that does not after a `pass(500)`. */
const ALWAYS = { rerunWithinMs: LONG.ttlMs };
const briefly = ({ short }: Scene) => ({ rerunWithinMs: short.leaseMs });

async function isTooOld(scene: Scene, token: string, attempt: number): Promise<void> {
  await unchanged(scene, async () => {
    const answer = await scene.claim(token, briefly(scene));
    has("the claim on a window that is too old", answer, { status: "uncertain", attempt });
  });
}

/** What may come after a window's first claim, and does not make it younger. Returns who holds the key, and as which. */
const SINCE: Record<string, (scene: Scene) => Promise<[token: string, attempt: number]>> = {
  "claimed again by its holder": async ({ a, claim }) => {
    await claim(a, ALWAYS);
    return [a, 1];
  },
  released: async ({ store, key, a, b, claim }) => {
    await store.release(key, a);
    await claim(b, ALWAYS);
    return [b, 2];
  },
  "taken over": async ({ store, key, a, b, claim }) => {
    await store.renew(key, a, 0);
    await claim(b, { rerun: true, ...ALWAYS });
    return [b, 2];
  },
  reopened: async ({ store, key, a, b, claim }) => {
    await store.renew(key, a, 0);
    await store.reopen(key);
    await claim(b, ALWAYS);
    return [b, 2];
  },
};

const youngCases: CaseSpec[] = [
  ...WAYS.map(
    (way): CaseSpec => ({
      clause: "S4",
      says: `a ${way} key is taken over within rerunWithinMs of its window's first claim`,
      async test(scene) {
        const { store, key, a, b, claim } = scene;
        await UNCERTAIN[way](scene, a, ALWAYS);
        const { claimedAt } = (await store.read(key))!;
        const expected = { status: "claimed", attempt: 2, runId: a, takeover: true };
        has("the takeover", await claim(b, ALWAYS), expected);
        has("the record", await store.read(key), { status: "in-progress", attempt: 2, runId: a, claimedAt });
        has("the takeover repeated", await claim(b), expected);
      },
    }),
  ),
  {
    clause: "S4",
    says: "a key is not taken over from rerunWithinMs of its window's first claim on",
    async test(scene) {
      const { store, key, a, b, claim, pass } = scene;
      await claim(a, ALWAYS);
      await pass(500);
      await store.renew(key, a, 0);
      await isTooOld(scene, b, 1);
      has("a claim that allows more", await claim(b, ALWAYS), { status: "claimed", takeover: true });
    },
  },
  ...Object.entries(SINCE).map(
    ([since, happen]): CaseSpec => ({
      clause: "S4",
      says: `rerunWithinMs counts from the first claim of a window that was ${since} since`,
      async test(scene) {
        const { store, key, a, c, claim, pass } = scene;
        await claim(a, ALWAYS);
        await pass(500);
        const [holder, attempt] = await happen(scene);
        await store.renew(key, holder, 0);
        await isTooOld(scene, c, attempt);
      },
    }),
  ),
  {
    clause: "S4",
    says: "rerunWithinMs counts anew in a window that begins after a release",
    async test(scene) {
      const { store, key, a, b, c, claim, pass } = scene;
      await claim(a, { fingerprint: "one", ...ALWAYS });
      await pass(500);
      await store.release(key, a);
      await claim(b, { fingerprint: "two", ...ALWAYS });
      await store.renew(key, b, 0);
      const expected = { status: "claimed", attempt: 2, runId: b, takeover: true };
      has("the takeover", await claim(c, briefly(scene)), expected);
    },
  },
  {
    clause: "S4",
    says: "a window whose first claim gave no rerunWithinMs is not taken over when it is too old",
    async test(scene) {
      const { store, key, a, b, claim, pass } = scene;
      await claim(a);
      await pass(500);
      await store.renew(key, a, 0);
      await isTooOld(scene, b, 1);
    },
  },
];

const otherCases: CaseSpec[] = [
  {
    clause: "S4",
    says: "a claim within rerunWithinMs and a different fingerprint does not take the key over",
    async test(scene) {
      const { a, b, claim } = scene;
      await UNCERTAIN.held(scene, a, { fingerprint: "one", ...ALWAYS });
      await unchanged(scene, async () => {
        const answer = await claim(b, { fingerprint: "two", ...ALWAYS });
        has("the claim", answer, { status: "uncertain", attempt: 1, fingerprint: "one" });
      });
    },
  },
  {
    clause: "S4",
    says: "rerunWithinMs takes no key from its holder, and none that is completed",
    async test(scene) {
      const { store, key, a, b, claim } = scene;
      await claim(a, ALWAYS);
      await unchanged(scene, async () => has("the claim", await claim(b, ALWAYS), { status: "in-progress" }));
      await store.complete(key, a, "sent", LONG.ttlMs);
      await unchanged(scene, async () => has("the claim", await claim(b, ALWAYS), { status: "completed" }));
    },
  },
  {
    clause: "S4",
    says: "rerun takes over whatever rerunWithinMs says",
    async test(scene) {
      const { store, key, a, b, claim, pass } = scene;
      await claim(a, ALWAYS);
      await pass(500);
      await store.renew(key, a, 0);
      const answer = await claim(b, { rerun: true, ...briefly(scene) });
      has("the claim", answer, { status: "claimed", attempt: 2, takeover: true });
    },
  },
  {
    clause: "S4",
    says: "each first claim is one with rerunWithinMs too",
    async test({ a, claim }) {
      has("the claim", await claim(a, ALWAYS), { status: "claimed", attempt: 1, runId: a, takeover: false });
      has("the claim repeated", await claim(a, ALWAYS), { status: "claimed", attempt: 1, takeover: false });
    },
  },
];

const timeCases: CaseSpec[] = [{}, ALWAYS].map(
  (request): CaseSpec => ({
    clause: "read",
    says: `tells when the window began, whatever came since${"rerunWithinMs" in request ? ", by rerunWithinMs too" : ""}`,
    async test(scene) {
      const { store, key, a, b, claim, pass } = scene;
      const began = async () => (await store.read(key))!.claimedAt;
      await claim(a, request);
      const first = await began();
      equal("whether claimedAt is a whole number", Number.isSafeInteger(first), true);
      await pass(300);
      for (const status of Object.keys(STATUSES)) {
        const one = scene.at(status);
        await one.claim(one.c, request);
        const { claimedAt } = (await store.read(one.key))!;
        await store.release(one.key, one.c);
        await pass(20);
        await bring(one, status);
        equal(`claimedAt of the record that is ${status}`, (await store.read(one.key))!.claimedAt, claimedAt);
      }
      await store.release(key, a);
      await store.forget(key);
      await claim(b, request);
      has("the new window's record", await store.read(key), {
        claimedAt: { over: first + scene.short.leaseMs / 2, upTo: first + 600_000 },
      });
    },
  }),
);

/** S4: what is taken over while its window is young, and what says how old it is. */
export const rerunWithinCases: CaseSpec[] = [...youngCases, ...otherCases, ...timeCases];
