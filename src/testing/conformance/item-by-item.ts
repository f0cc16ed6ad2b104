import type { Each, IdempotencyStore } from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import type { StoreHarness } from "./harness.ts";
import { answersTo, claimMany, completeMany, LONG, releaseMany, renewMany } from "./scene.ts";

/** The answer to the second of three items; the others are there to be in its way. */
async function ofThree<T>(what: string, answers: Awaitable<readonly Each<T>[]>): Promise<T> {
  return (await answersTo(what, 3, answers))[1]!;
}

/** A store whose claims and the like are operations on many keys, in each of which another key stands twice. */
function itemByItem(store: IdempotencyStore): IdempotencyStore {
  const beside = (key: string) => ({ key: `${key} beside`, token: crypto.randomUUID() });
  return {
    read: key => store.read(key),
    settle: (...args) => store.settle(...args),
    reopen: (...args) => store.reopen(...args),
    forget: (...args) => store.forget(...args),
    async claim(key, request) {
      const { key: other, token } = beside(key);
      const companion = { key: other, request: { token, ...LONG } };
      return ofThree("claimMany", claimMany(store, [companion, { key, request }, companion]));
    },
    async renew(key, token, leaseMs) {
      const companion = { ...beside(key), ...LONG };
      return ofThree("renewMany", renewMany(store, [companion, { key, token, leaseMs }, companion]));
    },
    async complete(key, token, outcome, ttlMs) {
      const companion = { ...beside(key), ...LONG, outcome: "no" };
      const items = [companion, { key, token, outcome, ttlMs }, companion];
      return ofThree("completeMany", completeMany(store, items));
    },
    async release(key, token) {
      const companion = beside(key);
      return ofThree("releaseMany", releaseMany(store, [companion, { key, token }, companion]));
    },
  };
}

/** The same harness, on stores whose single operations go by those on many keys. */
export function harnessItemByItem(harness: StoreHarness): StoreHarness {
  const wrapped = new WeakMap<IdempotencyStore, IdempotencyStore>();
  const wrap = (store: IdempotencyStore) => {
    const outer = itemByItem(store);
    wrapped.set(outer, store);
    return outer;
  };
  const inner = (store: IdempotencyStore) => wrapped.get(store) ?? store;
  const { create, second, close } = harness;
  return {
    ...harness,
    create: async () => wrap(await create()),
    ...(second && { second: async store => wrap(await second(inner(store))) }),
    ...(close && { close: store => close(inner(store)) }),
  };
}
