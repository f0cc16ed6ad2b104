import type {
  ClaimItem,
  ClaimRequest,
  ClaimResult,
  CompleteItem,
  Each,
  IdempotencyStore,
  ReleaseItem,
  RenewItem,
} from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { describe } from "../../util/describe.ts";
import type { Clause, StoreHarness } from "./harness.ts";

/** A case before it has a harness; no `test` if the harness cannot check it. */
export interface CaseSpec {
  clause: Clause;
  says: string;
  test: ((scene: Scene) => Promise<void>) | undefined;
}

/** For times that must not run out within a case, and differ so that none is taken for another. */
export const LONG = { leaseMs: 30_000, ttlMs: 60_000 } as const;
const SHORT = { leaseMs: 400, ttlMs: 800 } as const;
/** What the calls of a case may take in all. */
const BEARABLE_MS = 100;
/** Enough for either of the short times to be over, and for no two of them. */
export const PAST_LEASE = SHORT.leaseMs + 100;
export const PAST_TTL = SHORT.ttlMs + 100;

/** What a case has to work with: a store, a key and tokens of its own. */
export interface Scene {
  store: IdempotencyStore;
  key: string;
  /** Three tokens. */
  a: string;
  b: string;
  c: string;
  /** Times that are over soon, in the store's milliseconds. */
  short: Pick<ClaimRequest, "leaseMs" | "ttlMs">;
  /** Lets time pass, in milliseconds before scaling. */
  pass(ms: number): Promise<void>;
  /** Claims the key, for long unless the request says otherwise. */
  claim(token: string, request?: Partial<ClaimRequest>): Promise<ClaimResult>;
  /** The same scene with another key. */
  at(suffix: string): Scene;
  /** Has the case's end close a store that the case made. */
  adopt(store: IdempotencyStore): IdempotencyStore;
  /** Whether more time has passed, beside what {@link pass} was to let pass, than the case bears. */
  isLate(): boolean;
  close(): Promise<void>;
}

export async function openScene(harness: StoreHarness): Promise<Scene> {
  const { timeScale = 1 } = harness;
  const scaled = (ms: number) => Math.round(ms * timeScale);
  const open: IdempotencyStore[] = [];
  // By the real clock: where the store's is moved by hand, nothing is ever late.
  let due = performance.now() + scaled(BEARABLE_MS);
  const shared = {
    store: await harness.create(),
    short: { leaseMs: scaled(SHORT.leaseMs), ttlMs: scaled(SHORT.ttlMs) },
    async pass(ms: number) {
      due += scaled(ms);
      await harness.advance(scaled(ms));
    },
    isLate: () => performance.now() > due,
    adopt(store: IdempotencyStore) {
      open.push(store);
      return store;
    },
    async close() {
      for (const store of open) await harness.close?.(store);
    },
  };
  const sceneOf = (key: string): Scene => ({
    ...shared,
    key,
    a: `${key}-a`,
    b: `${key}-b`,
    c: `${key}-c`,
    claim: async (token, request) => shared.store.claim(key, { token, ...LONG, ...request }),
    at: suffix => sceneOf(`${key}-${suffix}`),
  });
  shared.adopt(shared.store);
  return sceneOf(`case-${crypto.randomUUID()}`);
}

/** How a key becomes uncertain: by a lease that lapses, or by one that its holder ends. */
export const UNCERTAIN = {
  lapsed: async ({ claim, short, pass }: Scene, token: string, request?: Partial<ClaimRequest>) => {
    await claim(token, { leaseMs: short.leaseMs, ...request });
    await pass(PAST_LEASE);
  },
  held: async ({ store, key, claim }: Scene, token: string, request?: Partial<ClaimRequest>) => {
    await claim(token, request);
    await store.renew(key, token, 0);
  },
} as const;
export const WAYS = ["lapsed", "held"] as const;

/** A range of numbers: more than `over`, at most `upTo`. */
interface Range {
  over: number;
  upTo: number;
  /** Whether there may be no number at all. */
  maybe?: true;
}

const SLACK = 10_000;

/** What remains of a duration when little of it is over. */
export function remains(ms: number): Range {
  return { over: Math.max(ms - SLACK, -1), upTo: ms };
}

/** A {@link remains} that a store need not report. */
export function mayTell(ms: number): Range {
  return { ...remains(ms), maybe: true };
}

/** Fails unless both are the same. */
export function equal(what: string, actual: unknown, expected: unknown): void {
  if (!Object.is(actual, expected)) fail(what, actual, describe(expected));
}

/** Fails unless the answer has those fields; a {@link Range} stands for any number in it. */
export function has(what: string, answer: object | undefined, expected: Record<string, unknown>): void {
  if (typeof answer !== "object" || answer === null) fail(what, answer, "an answer");
  for (const [field, value] of Object.entries(expected)) {
    const actual = (answer as Record<string, unknown>)[field];
    if (isRange(value)) inRange(`${field} of ${what}`, actual, value);
    else equal(`${field} of ${what}`, actual, value);
  }
}

/** Fails if the action changes what `read` answers for the key, apart from the time that passes. */
export async function unchanged({ store, key }: Scene, action: () => Promise<unknown>): Promise<void> {
  const before = await store.read(key);
  await action();
  const after = await store.read(key);
  if (before === undefined) return equal("the record afterwards", after, undefined);
  const { leaseInMs, expiresInMs, ...rest } = before;
  has("the record afterwards", after, {
    ...rest,
    leaseInMs: remains(leaseInMs),
    expiresInMs: remains(expiresInMs),
  });
}

/** Fails unless that token can neither renew, hold, complete nor release, and changes nothing by trying. */
export async function holdsNothing(scene: Scene, token: string): Promise<void> {
  const { store, key } = scene;
  await unchanged(scene, async () => {
    equal("renew by who does not hold the key", await store.renew(key, token, LONG.leaseMs), false);
    equal("hold by who does not hold the key", await store.renew(key, token, 0), false);
    equal("complete by who does not hold the key", await store.complete(key, token, "no", LONG.ttlMs), false);
    equal("release by who does not hold the key", await store.release(key, token), false);
  });
}

function isRange(value: unknown): value is Range {
  return typeof value === "object" && value !== null;
}

function inRange(what: string, actual: unknown, { over, upTo, maybe }: Range): void {
  if (maybe && actual === undefined) return;
  if (typeof actual === "number" && actual > over && actual <= upTo) return;
  fail(what, actual, `a number over ${over} and up to ${upTo}`);
}

function fail(what: string, actual: unknown, expected: string): never {
  throw new Error(`${what}: expected ${expected}, got ${describe(actual)}`);
}

/** The answers to an operation on many keys; fails unless they are as many as its items, and none of them an error. */
export async function answersTo<T>(
  what: string,
  count: number,
  answers: Awaitable<readonly Each<T>[]>,
): Promise<T[]> {
  const given = await answers;
  if (!Array.isArray(given)) fail(`the answers to ${what}`, given, "an array");
  equal(`the number of answers to ${what}`, given.length, count);
  for (const answer of given) if (answer instanceof Error) throw answer;
  return given as T[];
}

const missing = (name: string) => fail(name, undefined, "a function");

// B6: the operations on many keys, of a store that is said to have them.
export const claimMany = (store: IdempotencyStore, items: readonly ClaimItem[]) =>
  store.claimMany?.(items) ?? missing("claimMany");
export const renewMany = (store: IdempotencyStore, items: readonly RenewItem[]) =>
  store.renewMany?.(items) ?? missing("renewMany");
export const completeMany = (store: IdempotencyStore, items: readonly CompleteItem[]) =>
  store.completeMany?.(items) ?? missing("completeMany");
export const releaseMany = (store: IdempotencyStore, items: readonly ReleaseItem[]) =>
  store.releaseMany?.(items) ?? missing("releaseMany");

/** A race of what is done through one client, and, where the harness has a second one, of what is done through both. */
export function atOnce(
  { second }: StoreHarness,
  clause: Clause,
  says: (atOnce: string) => string,
  race: (scene: Scene, rival: IdempotencyStore) => Promise<void>,
): CaseSpec[] {
  return [
    { clause, says: says("at once"), test: scene => race(scene, scene.store) },
    {
      clause,
      says: says("at once by two clients"),
      test: second && (async scene => race(scene, scene.adopt(await second(scene.store)))),
    },
  ];
}
