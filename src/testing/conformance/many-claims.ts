import { alike, claimables, isClaimed, TWINS, withoutTimes } from "./many-states.ts";
import { answersTo, type CaseSpec, claimMany, equal, has, LONG, PAST_TTL, remains } from "./scene.ts";

const claimCases: CaseSpec[] = [
  {
    clause: "B6",
    says: "claimMany answers each item by the state of its key, in their order",
    async test(scene) {
      const made = await claimables(scene);
      for (const order of [made, [...made].reverse()]) {
        const { length } = order;
        const items = order.map(({ item }) => item);
        const answers = await answersTo("claimMany", length, claimMany(scene.store, items));
        // S2: in the second turn they are repeated, in another order.
        for (const [n, { what, expected }] of order.entries())
          has(`the claim of a key that is ${what}`, answers[n], expected);
      }
    },
  },
  {
    clause: "B6",
    says: "claimMany answers and leaves what as many claims would",
    async test(scene) {
      const { store, at } = scene;
      const [one, other] = await Promise.all([claimables(at("together")), claimables(at("alone"))]);
      const items = one.map(({ item }) => item);
      const answers = await answersTo("claimMany", items.length, claimMany(store, items));
      for (const [n, { what, at: alone, item }] of other.entries()) {
        const expected = withoutTimes(await store.claim(item.key, item.request), alone);
        const { at: together } = one[n]!;
        equal(`the claim of a key that is ${what}`, withoutTimes(answers[n], together), expected);
        await alike(what, store, together, alone);
      }
    },
  },
  {
    clause: "B6",
    says: "claimMany gives each item its own lease, ttl and fingerprint",
    async test({ store, at }) {
      const scenes = ["one", "two", "three"].map(name => at(name));
      const requests = scenes.map(({ a }, n) => ({
        token: a,
        leaseMs: LONG.leaseMs * (n + 1),
        ttlMs: LONG.ttlMs * (n + 1),
        ...(n > 0 && { fingerprint: `print ${n}` }),
      }));
      const items = scenes.map(({ key }, n) => ({ key, request: requests[n]! }));
      await answersTo("claimMany", 3, claimMany(store, items));
      for (const [n, { key }] of scenes.entries()) {
        const { leaseMs, ttlMs } = requests[n]!;
        has(`the record of item ${n}`, await store.read(key), {
          status: "in-progress",
          fingerprint: n > 0 ? `print ${n}` : undefined,
          leaseInMs: remains(leaseMs),
          expiresInMs: remains(leaseMs + ttlMs),
        });
      }
    },
  },
  {
    clause: "B6",
    says: "claimMany repeated with its tokens is claimed again, its leases over or not",
    async test(scene) {
      const { store } = scene;
      const made = (await claimables(scene)).filter(({ expected }) => expected["status"] === "claimed");
      const items = made.map(({ item }) => item);
      await answersTo("claimMany", items.length, claimMany(store, items));
      for (const isOver of [false, true]) {
        if (isOver) for (const { at } of made) await store.renew(at.key, at.b, 0);
        const answers = await answersTo("claimMany", items.length, claimMany(store, items));
        for (const [n, { what, at, expected }] of made.entries()) {
          has(`the repeated claim of a key that was ${what}`, answers[n], expected);
          has("its record", await store.read(at.key), {
            status: "in-progress",
            leaseInMs: remains(LONG.leaseMs),
          });
        }
      }
    },
  },
];

const twinCases: CaseSpec[] = [
  ...Object.entries(TWINS).map(
    ([what, { early, late, request, expected }]): CaseSpec => ({
      clause: "B6",
      says: `of claims of one key in a claimMany exactly one is claimed, if the key is ${what}`,
      async test(scene) {
        const { store, key, b, c } = scene;
        await early?.(scene);
        if (early) await scene.pass(PAST_TTL);
        await late?.(scene);
        const other = { key: `${key} beside`, request: { token: "a", ...LONG } };
        const tokens = [b, c, `${c}-2`, `${c}-3`];
        const items = tokens.map(token => ({ key, request: { token, ...LONG, ...request } }));
        const all = [items[0]!, other, ...items.slice(1)];
        const [one, companion, ...rest] = await answersTo("claimMany", all.length, claimMany(store, all));
        has("the claim beside them", companion, { status: "claimed", attempt: 1, runId: "a" });
        const answers = [one!, ...rest];
        const winners = answers.flatMap(({ status }, n) => (status === "claimed" ? [tokens[n]!] : []));
        equal("the number of claims that won", winners.length, 1);
        const { runId, ...won } = expected({ ...scene, b: winners[0]! });
        has("the claim that won", answers.find(isClaimed), { ...won, runId });
        const { attempt } = answers.find(isClaimed)!;
        for (const answer of answers.filter(each => !isClaimed(each)))
          has("the claim that lost", answer, { status: "in-progress", attempt });
      },
    }),
  ),
  {
    clause: "B6",
    says: "one claim that stands twice in a claimMany is claimed twice, as one attempt",
    async test(scene) {
      const { store } = scene;
      const made = (await claimables(scene)).filter(({ expected }) => expected["status"] === "claimed");
      const items = made.flatMap(({ item }) => [item, item]);
      const answers = await answersTo("claimMany", items.length, claimMany(store, items));
      for (const [n, { what, expected }] of made.flatMap(each => [each, each]).entries())
        has(`the claim of a key that is ${what}`, answers[n], expected);
    },
  },
];

/** B6: what `claimMany` answers, and what it leaves. */
export const manyClaimCases: CaseSpec[] = [...claimCases, ...twinCases];
