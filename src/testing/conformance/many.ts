import type { ClaimRequest, IdempotencyStore } from "../../contract/store.ts";
import { outcomeLimit } from "../../results/outcome-text.ts";
import type { StoreHarness } from "./harness.ts";
import { manyClaimCases } from "./many-claims.ts";
import { manyHolderCases } from "./many-holders.ts";
import { ACTS, ALL, isClaimed, TWINS } from "./many-states.ts";
import {
  answersTo,
  atOnce,
  type CaseSpec,
  claimMany,
  completeMany,
  equal,
  has,
  LONG,
  PAST_TTL,
  releaseMany,
  type Scene,
} from "./scene.ts";
import { awkwardKeys, awkwardOutcomes, fitted, MIB } from "./texts.ts";

/** As many as may come together. */
const MOST = 1_000;

const formCases: CaseSpec[] = [
  {
    clause: "B6",
    says: "each operation answers an empty list with an empty list",
    async test({ store }) {
      await answersTo("claimMany", 0, claimMany(store, []));
      for (const [name, { many }] of Object.entries(ACTS)) await answersTo(name, 0, many(store, []));
    },
  },
  {
    clause: "B6",
    says: `each operation takes ${MOST} items, and answers each in its place`,
    async test({ store, key }) {
      const items = Array.from({ length: MOST }, (_, n) => ({ key: `${key}-${n}`, token: `${key}-a-${n}` }));
      const claims = items.map(item => ({ key: item.key, request: { token: item.token, ...LONG } }));
      const claimed = await answersTo("claimMany", MOST, claimMany(store, claims));
      for (const [n, answer] of claimed.entries())
        has(`the claim of item ${n}`, answer, { status: "claimed", attempt: 1, runId: items[n]!.token });
      const renewed = await answersTo("renewMany", MOST, ACTS.renewMany.many(store, items));
      equal("how many were renewed", renewed.filter(did => did === true).length, MOST);
      // Every third by another, so that an answer in another's place is found out.
      const endings = items.map((item, n) => ({
        ...item,
        token: n % 3 === 0 ? "nobody" : item.token,
        outcome: `outcome ${n}`,
        ttlMs: LONG.ttlMs,
      }));
      const ended = await answersTo("completeMany", MOST, completeMany(store, endings));
      for (const [n, did] of ended.entries()) equal(`the completion of item ${n}`, did, n % 3 !== 0);
      const released = await answersTo("releaseMany", MOST, releaseMany(store, items));
      for (const [n, did] of released.entries()) equal(`the release of item ${n}`, did, n % 3 === 0);
      const again = claims.map(item => ({ ...item, request: { ...item.request, token: `${key}-b` } }));
      const answers = await answersTo("claimMany", MOST, claimMany(store, again.reverse()));
      for (const [n, answer] of answers.reverse().entries()) {
        const replayed = { status: "completed", attempt: 1, outcome: `outcome ${n}` };
        const taken = { status: "claimed", attempt: 2, runId: items[n]!.token };
        has(`the next claim of item ${n}`, answer, n % 3 === 0 ? taken : replayed);
      }
    },
  },
];

/** Names that every object has something under, which no other case makes keys of. */
const PROPERTIES = ["valueOf", "isPrototypeOf", "__defineGetter__"];

const textCases: CaseSpec[] = [
  {
    clause: "B6",
    says: "outcomes come back to the letter, whatever stands beside them",
    async test(scene) {
      const { store } = scene;
      const limit = outcomeLimit({ maxResultBytes: MIB }, store);
      const made = Object.entries(awkwardOutcomes).map(([what, whole], n) => {
        const { key, a, b } = scene.at(`${n}`);
        return { what, key, a, b, outcome: fitted(whole, limit) };
      });
      const claims = (token: "a" | "b") =>
        made.map(each => ({ key: each.key, request: { token: each[token], ...LONG } }));
      const { length } = made;
      await answersTo("claimMany", length, claimMany(store, claims("a")));
      const items = made.map(({ key, a, outcome }) => ({ key, token: a, outcome, ttlMs: LONG.ttlMs }));
      const completed = await answersTo("completeMany", length, completeMany(store, items));
      equal("how many were completed", completed.filter(did => did === true).length, length);
      const replayed = await answersTo("claimMany", length, claimMany(store, claims("b")));
      for (const [n, { what, key, outcome }] of made.entries()) {
        has(`the claim of a key with ${what}`, replayed[n], { status: "completed", outcome });
        has(`the record with ${what}`, await store.read(key), { status: "completed", outcome });
      }
    },
  },
  {
    clause: "B6",
    says: "keys differ by every code unit, within one call too",
    async test({ store, key }) {
      const own = awkwardKeys(key).filter(each => each.toLowerCase().includes(key));
      const keys = [...own, ...PROPERTIES];
      const { length } = keys;
      for (const each of PROPERTIES) await store.forget(each);
      const claims = (by: string) =>
        keys.map((each, n) => ({ key: each, request: { token: `${key}-${by}-${n}`, ...LONG } }));
      const claimed = await answersTo("claimMany", length, claimMany(store, claims("a")));
      for (const [n, answer] of claimed.entries()) {
        const expected = { status: "claimed", attempt: 1, runId: `${key}-a-${n}` };
        has(`the claim of ${JSON.stringify(keys[n])}`, answer, expected);
      }
      const items = keys.map((each, n) => ({
        key: each,
        token: `${key}-a-${n}`,
        outcome: `outcome ${n}`,
        ...LONG,
      }));
      await answersTo("completeMany", length, completeMany(store, items));
      const replayed = await answersTo("claimMany", length, claimMany(store, claims("b")));
      for (const [n, answer] of replayed.entries())
        has(`the next claim of ${JSON.stringify(keys[n])}`, answer, {
          status: "completed",
          outcome: `outcome ${n}`,
        });
    },
  },
];

const RACING = 40;

const manyKeys = (key: string) => Array.from({ length: RACING }, (_, n) => `${key}-${n}`);

/** Both claim the same keys at the same time, the rival from the last on: each key is claimed once. */
async function raceClaims(scene: Scene, rival: IdempotencyStore, what: string): Promise<void> {
  const { store, key } = scene;
  const { early, late, request } = TWINS[what]!;
  const scenes = manyKeys(key).map(each => ({ ...scene.at("race"), key: each, a: `${each}-a` }));
  const prepared = scenes.map(each => ({
    ...each,
    claim: async (token: string, more?: Partial<ClaimRequest>) =>
      store.claim(each.key, { token, ...LONG, ...more }),
  }));
  await Promise.all(prepared.map(each => early?.(each)));
  if (early) await scene.pass(PAST_TTL);
  await Promise.all(prepared.map(each => late?.(each)));
  const claims = (by: string) =>
    scenes.map(each => ({ key: each.key, request: { token: `${each.key}-${by}`, ...LONG, ...request } }));
  const [ours, theirs] = await Promise.all([
    answersTo("claimMany", RACING, claimMany(store, claims("ours"))),
    answersTo("claimMany", RACING, claimMany(rival, claims("theirs").reverse())),
  ]);
  for (const [n, answer] of [...theirs].reverse().entries()) {
    const both = [answer, ours[n]!];
    equal(`the number of claims of key ${n} that won`, both.filter(isClaimed).length, 1);
    has(
      `the claim of key ${n} that lost`,
      both.find(each => !isClaimed(each)),
      { status: "in-progress" },
    );
  }
}

/** Each holds every second key, and both do it to all of them at the same time, in opposite order. */
async function raceHolders(scene: Scene, rival: IdempotencyStore, name: (typeof ALL)[number]): Promise<void> {
  const { store, key, a, b } = scene;
  const keys = manyKeys(key);
  const holder = (n: number) => (n % 2 === 0 ? a : b);
  await Promise.all(keys.map(async (each, n) => store.claim(each, { token: holder(n), ...LONG })));
  const items = (token: string) => keys.map(each => ({ key: each, token }));
  const [ours, theirs] = await Promise.all([
    answersTo(name, RACING, ACTS[name].many(store, items(a))),
    answersTo(name, RACING, ACTS[name].many(rival, items(b).reverse())),
  ]);
  for (const [n, did] of [...theirs].reverse().entries()) {
    equal(`${name} of key ${n} by one`, ours[n], n % 2 === 0);
    equal(`${name} of key ${n} by the other`, did, n % 2 !== 0);
  }
}

const raceCases = (harness: StoreHarness): CaseSpec[] => [
  ...Object.keys(TWINS).flatMap(what =>
    atOnce(
      harness,
      "B6",
      how => `of two claimManys ${how}, in opposite order, each ${what} key is claimed by one`,
      (scene, rival) => raceClaims(scene, rival, what),
    ),
  ),
  ...ALL.flatMap(name =>
    atOnce(
      harness,
      "B6",
      how => `of two ${name} ${how}, in opposite order, each acts on its own keys`,
      (scene, rival) => raceHolders(scene, rival, name),
    ),
  ),
];

const ROOM = 4;

const fullCases = ({ full }: StoreHarness): CaseSpec[] => [
  {
    clause: "B6",
    says: "a full store refuses items one by one, or announces what it evicts",
    test:
      full &&
      (async ({ key, adopt }) => {
        const announced = new Set<string>();
        const store = adopt(await full.create(ROOM, evicted => announced.add(evicted)));
        const keys = manyKeys(key);
        const items = keys.map(each => ({ key: each, request: { token: each, ...LONG } }));
        const answers = await claimMany(store, items);
        equal("the number of answers to claimMany", answers.length, RACING);
        for (const [n, answer] of answers.entries()) {
          const record = await store.read(keys[n]!);
          if (answer instanceof Error) equal("the record of a refused claim", record, undefined);
          else has("the record of a claim that stands", record, { status: "in-progress" });
        }
        equal("the number of claims in progress that are announced as evicted", announced.size, 0);
      }),
  },
];

/** B6: operations on many keys, which a store need not have. */
export const manyCases = (harness: StoreHarness): CaseSpec[] => [
  ...formCases,
  ...manyClaimCases,
  ...manyHolderCases,
  ...textCases,
  ...raceCases(harness),
  ...fullCases(harness),
];
