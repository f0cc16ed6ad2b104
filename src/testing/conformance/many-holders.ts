import { ACTS, ALL, alike, holdings, withoutTimes } from "./many-states.ts";
import {
  answersTo,
  type CaseSpec,
  completeMany,
  equal,
  has,
  LONG,
  PAST_TTL,
  releaseMany,
  remains,
  renewMany,
} from "./scene.ts";

const holderCases: CaseSpec[] = [
  ...ALL.map(
    (name): CaseSpec => ({
      clause: "B6",
      says: `${name} acts for the tokens that hold their keys, and changes no other key`,
      async test(scene) {
        const { store } = scene;
        const made = await holdings(scene);
        const before = new Map<string, string>();
        for (const { what, at } of made) before.set(what, withoutTimes(await store.read(at.key), at));
        const items = made.map(({ item }) => item);
        const answers = await answersTo(name, items.length, ACTS[name].many(store, items));
        for (const [n, { what, at, may }] of made.entries()) {
          equal(`${name} of a key that is ${what}`, answers[n], may.includes(name));
          const record = await store.read(at.key);
          if (may.includes(name)) has("its record", record, { status: ACTS[name].status, attempt: 1 });
          else equal(`the record of a key that is ${what}`, withoutTimes(record, at), before.get(what) ?? "");
        }
      },
    }),
  ),
  ...ALL.map(
    (name): CaseSpec => ({
      clause: "B6",
      says: `${name} answers and leaves what as many single operations would`,
      async test(scene) {
        const { store, at } = scene;
        const [one, other] = [await holdings(at("together")), await holdings(at("alone"))];
        const items = one.map(({ item }) => item);
        const answers = await answersTo(name, items.length, ACTS[name].many(store, items));
        for (const [n, { what, at: alone, item }] of other.entries()) {
          equal(`${name} of a key that is ${what}`, answers[n], await ACTS[name].one(store, item));
          await alike(what, store, one[n]!.at, alone);
        }
      },
    }),
  ),
  {
    clause: "B6",
    says: "renewMany gives each item its own lease, and ends it now by 0",
    async test({ store, at }) {
      const scenes = ["one", "two", "three"].map(name => at(name));
      for (const { a, claim } of scenes) await claim(a);
      const leases = [LONG.leaseMs * 2, 0, LONG.leaseMs * 3];
      const items = scenes.map(({ key, a }, n) => ({ key, token: a, leaseMs: leases[n]! }));
      const answers = await answersTo("renewMany", 3, renewMany(store, items));
      equal("how many were renewed", answers.filter(did => did === true).length, 3);
      for (const [n, { key }] of scenes.entries()) {
        has(`the record of item ${n}`, await store.read(key), {
          status: leases[n] === 0 ? "uncertain" : "in-progress",
          leaseInMs: remains(leases[n]!),
          expiresInMs: remains(leases[n]! + LONG.ttlMs),
        });
      }
    },
  },
  {
    clause: "B6",
    says: "completeMany keeps each outcome for its own ttl from that moment",
    async test({ store, at, short, pass }) {
      const [brief, kept] = [at("brief"), at("kept")];
      for (const { a, claim } of [brief, kept]) await claim(a);
      const items = [
        { key: brief.key, token: brief.a, outcome: "brief", ttlMs: short.ttlMs },
        { key: kept.key, token: kept.a, outcome: "kept", ttlMs: LONG.ttlMs },
      ];
      await answersTo("completeMany", 2, completeMany(store, items));
      has("the record within its ttl", await store.read(brief.key), { outcome: "brief" });
      await pass(PAST_TTL);
      equal("the record after its ttl", await store.read(brief.key), undefined);
      const left = { status: "completed", outcome: "kept", expiresInMs: remains(LONG.ttlMs) };
      has("the record beside it", await store.read(kept.key), left);
    },
  },
  {
    clause: "B6",
    says: "releaseMany keeps attempts and runIds for the next claims",
    async test(scene) {
      const { store } = scene;
      const scenes = ["one", "two"].map(name => scene.at(name));
      for (const { a, claim } of scenes) await claim(a);
      const items = scenes.map(({ key, a }) => ({ key, token: a }));
      await answersTo("releaseMany", 2, releaseMany(store, items));
      for (const { b, a, claim } of scenes)
        has("the next claim", await claim(b), { status: "claimed", attempt: 2, runId: a, takeover: false });
    },
  },
];

const twinCases: CaseSpec[] = [
  {
    clause: "B6",
    says: "a key that stands in a completeMany several times is completed by its own token",
    async test({ store, key, a, b, claim }) {
      await claim(a);
      const items = [b, a, b, a].map(token => ({
        key,
        token,
        outcome: token === a ? "sent" : "no",
        ...LONG,
      }));
      const answers = await answersTo("completeMany", items.length, completeMany(store, items));
      for (const [n, did] of answers.entries())
        equal(`the completion by item ${n}`, did, items[n]!.token === a);
      has("the record", await store.read(key), { status: "completed", outcome: "sent" });
    },
  },
  {
    clause: "B6",
    says: "a key that stands in a renewMany or a releaseMany several times is its own token's",
    async test({ store, key, a, b, claim }) {
      await claim(a);
      const items = [b, a, b, a].map(token => ({ key, token }));
      const renewed = await answersTo("renewMany", items.length, ACTS.renewMany.many(store, items));
      for (const [n, did] of renewed.entries()) equal(`the renewal by item ${n}`, did, items[n]!.token === a);
      const released = await answersTo("releaseMany", items.length, releaseMany(store, items));
      const releasing = items.filter((_, n) => released[n] === true).map(({ token }) => token);
      equal("the tokens that released it", releasing.join(), a);
      has("the record", await store.read(key), { status: "released", attempt: 1 });
    },
  },
];

/** B6: what `renewMany`, `completeMany` and `releaseMany` answer, and what they leave. */
export const manyHolderCases: CaseSpec[] = [...holderCases, ...twinCases];
