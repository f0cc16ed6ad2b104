import { createIdempotency, type ItemOutcome, memoryStore } from "with-idempotency";
import { checks, has, same } from "./check.ts";
import { countOf, instance } from "./scene.ts";

const byNumber = { key: (n: number) => ["user", n], ttl: "1m" } as const;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

function sender() {
  const batches: number[][] = [];
  const fn = async (items: readonly number[]) => {
    batches.push([...items]);
    return items.map(n => (n === 13 ? new Error("no such user") : `sent ${n}`));
  };
  return { fn, batches };
}

async function* arriving(count: number) {
  for (const n of numbers(count)) {
    await Promise.resolve();
    yield n;
  }
}

/** Batches, on a store that answers at once and on one that answers later. */
export const manyChecks = checks("batches", {
  async "each item has one outcome, in order, and a batch one claim"() {
    const { executeMany, store } = instance();
    const { fn, batches } = sender();
    const outcomes = await executeMany([1, 13, 2, 1], byNumber, fn);
    same(
      "the statuses",
      outcomes.map(({ status, replayed }) => `${status} ${replayed}`),
      ["fulfilled false", "rejected false", "fulfilled false", "fulfilled true"],
    );
    same("the batches", batches, [[1, 13, 2]]);
    same("the claims", countOf(store, "claimMany"), 1);
  },
  async "a campaign that is sent again sends nothing twice"() {
    const { executeMany } = createIdempotency({ store: memoryStore() });
    const { fn, batches } = sender();
    await executeMany(numbers(10), { ...byNumber, batchSize: 4 }, fn);
    const outcomes = await executeMany(numbers(10), { ...byNumber, batchSize: 4 }, fn);
    same("whether all were replayed", new Set(outcomes.map(({ replayed }) => replayed)), new Set([true]));
    same(
      "the sizes of the batches",
      batches.map(({ length }) => length),
      [4, 4, 2],
    );
  },
  async "a stream is read one by one, in its order"() {
    const { executeMany } = instance();
    const read: ItemOutcome<string>[] = [];
    for await (const outcome of executeMany(arriving(1_200), byNumber, sender().fn)) read.push(outcome);
    same("how many", read.length, 1_200);
    has("the last", read.at(-1), { status: "fulfilled", value: "sent 1199", key: "user:1199" });
  },
  async "the same batch has the same key when it is tried again"() {
    const { executeMany } = instance();
    const keys: string[] = [];
    for (let time = 0; time < 2; time++) {
      await executeMany([1, 2], byNumber, (_items, { idempotencyKey, idempotencyUuid }) => {
        keys.push(`${idempotencyKey} ${idempotencyUuid}`);
        throw new Error("try again");
      });
    }
    same("how many keys there were", new Set(keys).size, 1);
    same("whether it is one", /^[\w-]{43} [\da-f-]{36}$/.test(keys[0] ?? ""), true);
  },
});
