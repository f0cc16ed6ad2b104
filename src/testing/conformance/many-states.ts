import type { ClaimRequest, ClaimResult, IdempotencyStore, StoreRecord } from "../../contract/store.ts";
import {
  completeMany,
  equal,
  has,
  LONG,
  mayTell,
  PAST_TTL,
  releaseMany,
  remains,
  renewMany,
  type Scene,
  UNCERTAIN,
} from "./scene.ts";

/** A key in some state, what a claim by `b` asks of it, and what it answers. All but the absent were claimed by `a`. */
export interface Claimable {
  /** What is done before the time of records that expire is over, and after it. */
  early?(scene: Scene): Promise<unknown>;
  late?(scene: Scene): Promise<unknown>;
  request?: Partial<ClaimRequest>;
  expected(scene: Scene): Record<string, unknown>;
}

const first = ({ b }: Scene) => ({ status: "claimed", attempt: 1, runId: b, takeover: false });
const successor = ({ a }: Scene) => ({ status: "claimed", attempt: 2, runId: a, takeover: false });
const takeover = (scene: Scene) => ({ ...successor(scene), takeover: true });
const uncertain = () => ({ status: "uncertain", attempt: 1, retryAfterMs: remains(LONG.ttlMs) });

async function release({ store, key, a, claim }: Scene): Promise<void> {
  await claim(a, { fingerprint: "one" });
  await store.release(key, a);
}

const hold = (scene: Scene) =>
  UNCERTAIN.held(scene, scene.a, { fingerprint: "one", rerunWithinMs: LONG.ttlMs });

const CLAIMABLE: Record<string, Claimable> = {
  absent: { expected: first },
  expired: {
    async early({ store, key, a, claim, short }) {
      await claim(a, { fingerprint: "old" });
      await store.complete(key, a, "old", short.ttlMs);
    },
    request: { fingerprint: "one" },
    expected: first,
  },
  "in-progress": {
    late: ({ a, claim }) => claim(a, { fingerprint: "one" }),
    request: { rerun: true },
    expected: () => ({
      status: "in-progress",
      attempt: 1,
      fingerprint: "one",
      retryAfterMs: remains(LONG.leaseMs),
    }),
  },
  own: { late: ({ b, claim }) => claim(b), expected: first },
  released: { late: release, request: { fingerprint: "one" }, expected: successor },
  "released with another fingerprint": { late: release, request: { fingerprint: "two" }, expected: first },
  uncertain: { late: hold, request: { fingerprint: "one" }, expected: uncertain },
  "uncertain, to rerun": { late: hold, request: { rerun: true }, expected: takeover },
  "uncertain, to rerun with another fingerprint": {
    late: hold,
    request: { rerun: true, fingerprint: "two" },
    expected: uncertain,
  },
  "uncertain, to rerun in time": { late: hold, request: { rerunWithinMs: 30_000 }, expected: takeover },
  "uncertain, to rerun too late": { early: hold, request: { rerunWithinMs: 1 }, expected: uncertain },
  completed: {
    async late({ store, key, a, claim }) {
      await claim(a, { fingerprint: "one" });
      await store.complete(key, a, "sent", LONG.ttlMs);
    },
    request: { rerun: true },
    expected: () => ({
      status: "completed",
      attempt: 1,
      outcome: "sent",
      fingerprint: "one",
      expiresInMs: mayTell(LONG.ttlMs),
    }),
  },
  "absent, too": { expected: first },
};

/** Makes a key of each kind, and says what a claim of it asks by its token `b`. */
export async function claimables(scene: Scene) {
  const made = Object.entries(CLAIMABLE).map(([what, kind]) => ({ what, kind, at: scene.at(what) }));
  for (const { kind, at } of made) await kind.early?.(at);
  await scene.pass(PAST_TTL);
  for (const { kind, at } of made) await kind.late?.(at);
  return made.map(({ what, kind, at }) => {
    const item = { key: at.key, request: { token: at.b, ...LONG, ...kind.request } };
    return { what, at, item, expected: kind.expected(at) };
  });
}

/** A key, and what the token `a` may do to it. */
interface Holding {
  prepare(scene: Scene): Promise<unknown>;
  may: readonly ("renewMany" | "completeMany" | "releaseMany")[];
}

export const ALL = ["renewMany", "completeMany", "releaseMany"] as const;

const HOLDINGS: Record<string, Holding> = {
  absent: { prepare: async () => {}, may: [] },
  held: { prepare: ({ a, claim }) => claim(a, { fingerprint: "one" }), may: ALL },
  "another's": { prepare: ({ b, claim }) => claim(b), may: [] },
  "uncertain, and still its own": { prepare: hold, may: ALL },
  released: { prepare: release, may: [] },
  "completed by it": {
    async prepare({ store, key, a, claim }) {
      await claim(a);
      await store.complete(key, a, "sent", LONG.ttlMs);
    },
    may: ["completeMany"],
  },
  "completed by another": {
    async prepare({ store, key, b, claim }) {
      await claim(b);
      await store.complete(key, b, "sent by another", LONG.ttlMs);
    },
    may: [],
  },
  "taken over from it": {
    async prepare(scene) {
      await hold(scene);
      await scene.claim(scene.b, { rerun: true });
    },
    may: [],
  },
  "held, too": { prepare: ({ a, claim }) => claim(a), may: ALL },
};

/** What a token does to many keys, what it does to one, and what becomes of a key that is held. */
export const ACTS = {
  renewMany: {
    many: (store: IdempotencyStore, items: readonly Named[]) =>
      renewMany(
        store,
        items.map(item => ({ ...item, leaseMs: LONG.leaseMs })),
      ),
    one: (store: IdempotencyStore, { key, token }: Named) => store.renew(key, token, LONG.leaseMs),
    status: "in-progress",
  },
  completeMany: {
    many: (store: IdempotencyStore, items: readonly Named[]) =>
      completeMany(
        store,
        items.map(item => ({ ...item, outcome: "sent", ttlMs: LONG.ttlMs })),
      ),
    one: (store: IdempotencyStore, { key, token }: Named) => store.complete(key, token, "sent", LONG.ttlMs),
    status: "completed",
  },
  releaseMany: {
    many: (store: IdempotencyStore, items: readonly Named[]) => releaseMany(store, items),
    one: (store: IdempotencyStore, { key, token }: Named) => store.release(key, token),
    status: "released",
  },
} as const;

export interface Named {
  key: string;
  token: string;
}

export async function holdings(scene: Scene) {
  const made = Object.entries(HOLDINGS).map(([what, holding]) => ({ what, ...holding, at: scene.at(what) }));
  for (const { at, prepare } of made) await prepare(at);
  return made.map(({ what, at, may }) => ({ what, at, may, item: { key: at.key, token: at.a } }));
}

/** What is known of a key, without its name and what passes with time. */
export function withoutTimes(answer: object | undefined, { key }: Scene): string {
  const {
    leaseInMs: _,
    expiresInMs: __,
    retryAfterMs: ___,
    claimedAt: ____,
    ...rest
  } = (answer ?? {}) as Partial<StoreRecord> & { retryAfterMs?: number };
  return JSON.stringify(rest, Object.keys(rest).sort()).replaceAll(key, "KEY");
}

/** Fails unless the records of both keys are alike, apart from the names and from what little time has passed. */
export async function alike(what: string, store: IdempotencyStore, one: Scene, other: Scene): Promise<void> {
  const [record, expected] = [await store.read(one.key), await store.read(other.key)];
  equal(`the record of a key that is ${what}`, withoutTimes(record, one), withoutTimes(expected, other));
  if (record === undefined || expected === undefined) return;
  const near = (ms: number) => ({ over: ms - 10_000, upTo: ms + 10_000 });
  has(`the record of a key that is ${what}`, record, {
    leaseInMs: near(expected.leaseInMs),
    expiresInMs: near(expected.expiresInMs),
  });
}

/** What a key may be that stands twice, and what its claims ask. */
export const TWINS: Record<string, Claimable> = {
  absent: CLAIMABLE["absent"]!,
  expired: CLAIMABLE["expired"]!,
  released: CLAIMABLE["released"]!,
  uncertain: CLAIMABLE["uncertain, to rerun"]!,
};

/** Whether the claim has its key. */
export const isClaimed = ({ status }: ClaimResult) => status === "claimed";
