import { expect, it } from "vitest";
import { createIdempotency, fingerprint, memoryStore } from "../../../../src/index.ts";
import { operatorOf } from "../../../../src/operate/command/operator.ts";
import { redacted } from "../../../../src/operate/command/shown-key.ts";
import { faultyStore } from "../../../../src/testing.ts";

const listed = async (keys: AsyncIterable<unknown>) => {
  const all = [];
  for await (const key of keys) all.push(key);
  return all;
};
const cut = () => Promise.reject(Object.assign(new Error("read"), { code: "ECONNRESET" }));
const QUERY = { prefix: "", status: "uncertain" } as const;

it("an operator refuses a store that cannot list", async () => {
  const store = { ...faultyStore(memoryStore()), list: undefined };
  await expect(listed(operatorOf(store).list(QUERY))).rejects.toMatchObject({ code: "INVALID_OPTION" });
});

it("an operator learns that a listing failed", async () => {
  const list = async function* () {
    yield* [];
    throw new Error("gone");
  };
  const store = { ...faultyStore(memoryStore()), list };
  await expect(listed(operatorOf(store).list(QUERY))).rejects.toMatchObject({
    code: "STORE_ERROR",
    message: "The store failed to list: gone",
  });
});

it("an operator resolves by nothing that cannot be stored", async () => {
  const store = memoryStore();
  await createIdempotency({ store })
    .withIdempotency("k", "1h", cut)
    .catch(() => {});
  const operator = operatorOf(store);
  const key = (await operator.read("k"))!;
  const refused = Promise.resolve().then(() => operator.resolve(key, "1h", () => 1));
  await expect(refused).rejects.toThrow("a function");
  expect((await operator.read("k"))?.shown.state).toBe("uncertain");
});

it("what is redacted shows no key, no message and no result", async () => {
  const store = memoryStore();
  const { withIdempotency } = createIdempotency({ store });
  const failing = () => Promise.reject(Object.assign(new Error("mira@example.com"), { code: 550 }));
  await withIdempotency("k", "1h", failing, { onError: () => "store" }).catch(() => {});
  const { shown } = (await operatorOf(store).read("k"))!;
  expect(redacted(shown)).toMatchObject({
    key: fingerprint("k"),
    storeKey: fingerprint("k"),
    error: { name: "Error", message: "", code: 550 },
  });
  expect(redacted({ ...shown, key: undefined }).key).toBeUndefined();
});
