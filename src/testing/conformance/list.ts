import type { ListedRecord, ListQuery } from "../../contract/store.ts";
import { describe } from "../../util/describe.ts";
import type { StoreHarness } from "./harness.ts";
import { bring, STATUSES } from "./operations.ts";
import {
  type CaseSpec,
  equal,
  has,
  LONG,
  PAST_TTL,
  remains,
  type Scene,
  UNCERTAIN,
  unchanged,
} from "./scene.ts";
import { awkwardKeys } from "./texts.ts";

type Status = ListQuery["status"];

/** What the store lists of the keys that begin with the scene's. */
async function listed({ store, key }: Scene, query: Partial<ListQuery> = {}): Promise<ListedRecord[]> {
  if (store.list === undefined) throw new Error("list: expected a function, got undefined");
  const records: ListedRecord[] = [];
  const all = { prefix: key, status: "uncertain", ...query } as const;
  for await (const record of store.list(all)) records.push(record);
  return records;
}

/** Fails unless just those keys were listed, in any order; twice is as good as once. */
function areListed(what: string, records: readonly ListedRecord[], expected: readonly string[]): void {
  const text = (keys: readonly string[]) => JSON.stringify([...new Set(keys)].sort());
  equal(`the keys ${what}`, text(records.map(({ key }) => key)), text(expected));
}

/** Makes keys uncertain, by a token of their own each. */
async function holdAll({ store, key }: Scene, keys: readonly string[]): Promise<void> {
  const hold = async (each: string, n: number) => {
    await store.claim(each, { token: `${key}-${n}`, ...LONG });
    await store.renew(each, `${key}-${n}`, 0);
  };
  await Promise.all(keys.map(hold));
}

const contentCases: CaseSpec[] = [
  ...Object.keys(STATUSES).map(
    (status): CaseSpec => ({
      clause: "list",
      says: `gives the records that are ${status}, as read shows them, and changes nothing`,
      async test(scene) {
        for (const each of Object.keys(STATUSES)) await bring(scene.at(each), each);
        const one = scene.at(status);
        await unchanged(one, async () => {
          const { leaseInMs, expiresInMs, ...rest } = (await scene.store.read(one.key))!;
          const records = await listed(scene, { status: status as Status });
          areListed(`that are ${status}`, records, [one.key]);
          const times = { leaseInMs: remains(leaseInMs), expiresInMs: remains(expiresInMs) };
          has("the listed record", records[0], { ...rest, ...times });
          const texts = Object.values(records[0] as object);
          for (const token of [one.b, one.c]) equal("the token in it", texts.includes(token), false);
        });
      },
    }),
  ),
  {
    clause: "list",
    says: "gives nothing where there is nothing",
    async test(scene) {
      areListed("that are listed", await listed(scene), []);
    },
  },
  {
    clause: "list",
    says: "leaves out what is expired",
    async test(scene) {
      const { store, at, short, pass } = scene;
      const [held, completed] = [at("held"), at("completed")];
      await UNCERTAIN.held(held, held.a, { ttlMs: short.ttlMs });
      await completed.claim(completed.a);
      await store.complete(completed.key, completed.a, "old", short.ttlMs);
      await pass(PAST_TTL);
      areListed("that are uncertain", await listed(scene), []);
      areListed("that are completed", await listed(scene, { status: "completed" }), []);
    },
  },
];

const prefixCases: CaseSpec[] = [
  {
    clause: "list",
    says: "gives the keys that begin with the prefix, to the letter, and no others",
    async test(scene) {
      const { key, short } = scene;
      const keys = awkwardKeys(key).filter(each => each.startsWith(key));
      await holdAll(scene, [...keys, `no ${key}`, key.slice(1)]);
      areListed("with the prefix", await listed(scene), keys);
      for (const character of "*%_?[\\|\0a") {
        const prefix = key + character;
        const expected = keys.filter(each => each.startsWith(prefix));
        areListed(`with the prefix ${describe(prefix)}`, await listed(scene, { prefix }), expected);
      }
      areListed("with another", await listed(scene, { prefix: `${key}${short.ttlMs}` }), []);
    },
  },
  {
    clause: "list",
    says: "gives all keys with an empty prefix",
    async test(scene) {
      const keys = [scene.key, `no ${scene.key}`];
      await holdAll(scene, keys);
      const records = await listed(scene, { prefix: "" });
      const own = records.filter(({ key }) => keys.includes(key));
      areListed("of the case", own, keys);
    },
  },
  {
    clause: "list",
    says: "gives each of many keys",
    async test(scene) {
      const keys = Array.from({ length: 120 }, (_, n) => `${scene.key}-${n}`);
      await holdAll(scene, keys);
      areListed("that are uncertain", await listed(scene), keys);
    },
  },
];

const ageCases: CaseSpec[] = [
  {
    clause: "list",
    says: "counts how long a key has been uncertain, and not its window",
    async test(scene) {
      const { short, pass } = scene;
      const [lapsed, held] = [scene.at("lapsed"), scene.at("held")];
      const olderThanMs = short.leaseMs / 2;
      await held.claim(held.a);
      await UNCERTAIN.lapsed(lapsed, lapsed.a);
      await scene.store.renew(held.key, held.a, 0);
      areListed("that have just become so", await listed(scene, { olderThanMs }), []);
      await pass(300);
      await UNCERTAIN.held(scene.at("fresh"), scene.a);
      areListed("that have been so for a while", await listed(scene, { olderThanMs }), [
        lapsed.key,
        held.key,
      ]);
      const all = [lapsed.key, held.key, `${scene.key}-fresh`];
      areListed("of any age", await listed(scene, { olderThanMs: 0 }), all);
    },
  },
  ...["in-progress", "released", "completed"].map(
    (status): CaseSpec => ({
      clause: "list",
      says: `counts from the first claim of a window that is ${status}`,
      async test(scene) {
        const { short, pass } = scene;
        const [old, fresh] = [scene.at("old"), scene.at("fresh")];
        await old.claim(old.a);
        await pass(300);
        for (const { store, key, a, b, claim } of [old, fresh]) {
          await claim(a);
          await store.release(key, a);
          await claim(b);
          await STATUSES[status]?.({ ...scene, key, b });
        }
        const query = { status: status as Status, olderThanMs: short.leaseMs / 2 };
        areListed("that are older", await listed(scene, query), [old.key]);
      },
    }),
  ),
];

const movingCases: CaseSpec[] = [
  {
    clause: "list",
    says: "comes to an end while records come and go, with all that stand meanwhile",
    async test(scene) {
      const { store, key } = scene;
      const standing = Array.from({ length: 60 }, (_, n) => `${key}-${n}`);
      const going = Array.from({ length: 60 }, (_, n) => `${key}-going-${n}`);
      await holdAll(scene, [...standing, ...going]);
      const records: ListedRecord[] = [];
      const list = store.list?.({ prefix: key, status: "uncertain" }) ?? [];
      for await (const record of list) {
        records.push(record);
        const gone = going.pop();
        if (gone === undefined) continue;
        await store.forget(gone);
        await holdAll(scene, [`${key}-new-${going.length}`]);
      }
      const stood = records.filter(record => standing.includes(record.key));
      areListed("that stood all the while", stood, standing);
    },
  },
  {
    clause: "list",
    says: "can be left, and begun anew",
    async test(scene) {
      const keys = Array.from({ length: 20 }, (_, n) => `${scene.key}-${n}`);
      await holdAll(scene, keys);
      for await (const { key } of scene.store.list?.({ prefix: scene.key, status: "uncertain" }) ?? []) {
        equal("that a listed key is one of them", keys.includes(key), true);
        break;
      }
      areListed("that are uncertain", await listed(scene), keys);
    },
  },
];

/** `list`, which a store need not have. */
export const listCases = ({ lists }: StoreHarness): CaseSpec[] =>
  [...contentCases, ...prefixCases, ...ageCases, ...movingCases].map(spec =>
    lists ? spec : { ...spec, test: undefined },
  );
