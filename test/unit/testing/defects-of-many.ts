import type { ClaimItem, ClaimResult, CompleteItem, Each } from "../../../src/contract/store.ts";
import { type Defects, edit, seize, turn } from "./defects.ts";
import type { Defect } from "./reference-harness.ts";
import type { ReferenceStore } from "./reference-store.ts";

const MANY = ["claimMany", "renewMany", "completeMany", "releaseMany"] as const;

type Name = (typeof MANY)[number];
type Items = readonly { key: string }[];
type Answers = readonly Each<unknown>[];
type Many = (items: Items) => Promise<Answers>;

/** Does operations on many keys otherwise; all of them, or those that are named. */
const otherwise =
  (change: (usual: Many, base: ReferenceStore, name: Name) => Many, names: readonly Name[] = MANY): Defect =>
  base =>
    Object.fromEntries(
      names.map(name => [name, change(items => (base[name] as Many)(items), base, name)]),
    ) as Partial<ReferenceStore>;

/** Changes what is asked for. */
const asking = (change: (items: Items, base: ReferenceStore) => Items, names?: readonly Name[]): Defect =>
  otherwise((usual, base) => async items => usual(change(items, base)), names);

/** Changes what is answered. */
const answering = (change: (answers: Answers, items: Items) => Answers, names?: readonly Name[]): Defect =>
  otherwise(usual => async items => change(await usual(items), items), names);

const ENDING = ["renewMany", "completeMany", "releaseMany"] as const;

const refusingAll = (answers: Answers) => (answers.includes(false) ? answers.map(() => false) : answers);

/** B6: what an operation on many keys does otherwise than as many single ones. */
export const manyDefects: Defects = {
  ...Object.fromEntries(MANY.map(name => [`has no ${name}`, () => ({ [name]: undefined })])),
  "answers nothing to an empty list": otherwise(
    usual => async items => (items.length === 0 ? (undefined as unknown as Answers) : usual(items)),
  ),
  "answers out of order": answering(answers => [...answers].reverse()),
  "answers in the order of the keys": answering((answers, items) => {
    const sorted = [...answers.keys()].sort((a, b) => (items[a]!.key < items[b]!.key ? -1 : 1));
    return sorted.map(n => answers[n]!);
  }),
  "drops the last item": answering(answers => answers.slice(0, -1)),
  "answers for the last item without doing it": otherwise(usual => async items => {
    if (items.length < 2) return usual(items);
    const answers = await usual(items.slice(0, -1));
    return [...answers, answers.at(-1)!];
  }),
  "does no more than 999": asking(items => items.slice(0, 999)),
  "gives an error in the place of a refusal": answering(
    answers => answers.map(answer => (answer === false ? new Error("refused") : answer)),
    ENDING,
  ),
  ...Object.fromEntries(
    ENDING.map(name => [`takes one refusal for all in ${name}`, answering(refusingAll, [name])]),
  ),
  "stops at the first refusal": otherwise(
    usual => async items => {
      const answers: Each<unknown>[] = [];
      for (const item of items) {
        const isOver = answers.includes(false);
        answers.push(isOver ? false : (await usual([item]))[0]!);
      }
      return answers;
    },
    ENDING,
  ),
  ...Object.fromEntries(
    ENDING.map(name => [
      `ignores the token in ${name}`,
      asking(
        (items, base) => items.map(item => ({ ...item, token: base.find(item.key)?.token ?? "none" })),
        [name],
      ),
    ]),
  ),
  "says true to all": answering(answers => answers.map(() => true), ENDING),
  "refuses by false, and does it all the same": otherwise(
    (usual, base) => async items => {
      const answers = await usual(items);
      for (const [n, { key }] of items.entries())
        if (answers[n] === false) edit(base, key, ({ attempt }) => ({ attempt: attempt + 1 }));
      return answers;
    },
    ENDING,
  ),
  "gives all the same": asking(items => items.map(item => ({ ...items[0]!, key: item.key }))),
  ...Object.fromEntries(
    (["leaseMs", "ttlMs", "outcome"] as const).map(field => [
      `gives all the first one's ${field}`,
      asking(
        items => {
          const given = items as unknown as readonly Record<string, unknown>[];
          return given.map(item =>
            field in item ? { ...item, [field]: given[0]![field] } : item,
          ) as unknown as Items;
        },
        ["renewMany", "completeMany"],
      ),
    ]),
  ),
  "claims all for the first one's lease": asking(
    items =>
      (items as readonly ClaimItem[]).map(({ key, request }) => ({
        key,
        request: { ...request, leaseMs: (items[0] as ClaimItem).request.leaseMs },
      })),
    ["claimMany"],
  ),
  "answers twins alike": answering((answers, items) => {
    const ofKey = new Map(items.map(({ key }, n) => [key, answers[n]!]));
    return items.map(({ key }) => ofKey.get(key)!);
  }),
  "does each key once, and refuses its twins": otherwise(usual => async items => {
    const keys = items.map(({ key }) => key);
    const once = items.filter(({ key }, n) => keys.indexOf(key) === n);
    const answers = await usual(once);
    return items.map(({ key }, n) =>
      keys.indexOf(key) === n ? answers[once.findIndex(item => item.key === key)]! : false,
    );
  }),
  "lets each of twins have the key": base => ({
    async claimMany(items) {
      return items.map(({ key, request }, n) => {
        const isTwin = items.findIndex(item => item.key === key) < n;
        return isTwin ? seize(base, key, request) : (base.claim(key, request) as ClaimResult);
      });
    },
  }),
  "forgets whose claim it was": base => ({
    async claimMany(items) {
      const claims = items.map(({ key, request }) => {
        const isRepeated = base.find(key)?.token === request.token;
        return base.claim(key, isRepeated ? { ...request, token: "another", rerun: false } : request);
      });
      return claims as ClaimResult[];
    },
  }),
  "keeps answers in an object": answering((answers, items) => {
    const ofKey = {} as Record<string, Each<unknown>>;
    for (const [n, { key }] of items.entries()) ofKey[key] ??= answers[n]!;
    return items.map(({ key }) => ofKey[key]!);
  }),
  "joins outcomes by a NUL": asking(
    items => {
      const given = items as readonly CompleteItem[];
      const parts = given
        .map(({ outcome }) => outcome)
        .join("\0")
        .split("\0");
      return given.map((item, n) => ({ ...item, outcome: parts[n]! }));
    },
    ["completeMany"],
  ),
  "looks at all, then takes all": base => ({
    async claimMany(items) {
      const free = items.map(({ key }) => base.find(key)?.state !== "claimed");
      await turn();
      return items.map(({ key, request }, n) => {
        const isTaken = free[n] && base.find(key)?.state === "claimed";
        return (isTaken ? seize(base, key, request) : base.claim(key, request)) as ClaimResult;
      });
    },
  }),
  "waits for another that does the same, and deadlocks": deadlocking(),
  "fails all of it where one is refused for want of room": otherwise(
    usual => async items => {
      const answers = await usual(items);
      for (const answer of answers) if (answer instanceof Error) throw answer;
      return answers;
    },
    ["claimMany"],
  ),
  "evicts what it has just claimed": base => ({
    async claimMany(items) {
      const answers = await base.claimMany!(items);
      if (items.length > base.room) base.records.delete(items[0]!.key);
      return answers;
    },
  }),
};

/** Fails one of two that are under way at the same time over some of the same keys, by whichever client. */
function deadlocking(): Defect {
  const busy = new Set<string>();
  return otherwise(usual => async items => {
    const keys = items.map(({ key }) => key);
    if (keys.some(key => busy.has(key))) return items.map(() => new Error("deadlock detected"));
    for (const key of keys) busy.add(key);
    await turn();
    const answers = await usual(items);
    for (const key of keys) busy.delete(key);
    return answers;
  });
}
