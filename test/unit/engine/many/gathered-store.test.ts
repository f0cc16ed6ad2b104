import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { gatheredStore } from "../../../../src/engine/many/gathered-store.ts";
import { inTime } from "../../../../src/engine/store-call.ts";
import { memoryStore } from "../../../../src/index.ts";
import { faultyStore, gate } from "../../../../src/testing.ts";
import { pass, rejection, turn } from "../../../support/calls.ts";
import { oneByOne } from "../../../support/many.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const HOUR = 3_600_000;
const request = (token: string) => ({ token, ttlMs: HOUR, leaseMs: 30_000 });

function setUp() {
  const store = faultyStore(memoryStore());
  return { store, gathered: gatheredStore(store) };
}

/** The sizes of what went to the store, in order. */
const sizes = (store: ReturnType<typeof faultyStore>, operation: string) =>
  store.calls
    .filter(call => call.operation === operation)
    .map(({ args }) => (Array.isArray(args[1]) ? args[1].length : 1));

it("sends what is asked in one turn together, and one alone by itself", async () => {
  const { store, gathered } = setUp();
  const claims = ["a", "b", "c"].map(key => gathered.claim(key, request(key)));
  expect(await Promise.all(claims)).toMatchObject([{ attempt: 1 }, { attempt: 1 }, { attempt: 1 }]);
  expect(await gathered.claim("d", request("d"))).toMatchObject({ status: "claimed" });
  expect(store.calls.map(({ operation }) => operation)).toEqual(["claimMany", "claim"]);
});

it("sends at most 1,000 together", async () => {
  const { store, gathered } = setUp();
  await Promise.all(Array.from({ length: 2_500 }, (_, n) => gathered.claim(`${n}`, request(`${n}`))));
  expect(sizes(store, "claimMany")).toEqual([1_000, 1_000, 500]);
});

it("sends results of at most 8 Mi characters together, and one that is larger", async () => {
  const { store, gathered } = setUp();
  const keys = Array.from({ length: 9 }, (_, n) => `${n}`);
  await Promise.all(keys.map(key => gathered.claim(key, request(key))));
  const outcome = JSON.stringify("x".repeat(2 ** 21 - 2));
  const completed = await Promise.all(keys.map(key => gathered.complete(key, key, outcome, HOUR)));
  expect(completed).toEqual(keys.map(() => true));
  // Four have exactly that many; the fifth goes beyond.
  expect(sizes(store, "completeMany")).toEqual([5, 4]);
});

it("gives each its own answer, and its own failure", async () => {
  const locked = new Error("locked");
  const { store, gathered } = setUp();
  store.inject({ operation: "claimMany", kind: "answer", value: [{ status: "claimed" }, locked] });
  const [one, two] = [
    gathered.claim("a", request("a")),
    rejection(gathered.claim("b", request("b")) as never),
  ];
  expect(await one).toEqual({ status: "claimed" });
  expect(await two).toBe(locked);
});

it.each([
  [[], "it returned 0 answers for 2 items"],
  [undefined, "it returned undefined answers for 2 items"],
  [[true, true, true], "it returned 3 answers for 2 items"],
])("fails all by answers that are not one for each: %j", async (value, message) => {
  const { store, gathered } = setUp();
  store.inject({ operation: "releaseMany", kind: "answer", value });
  const both = ["a", "b"].map(key => rejection(gathered.release(key, key) as Promise<boolean>));
  expect(await Promise.all(both)).toMatchObject([{ message }, { message }]);
});

it("counts the time of each from when it is asked, and gives the late answer to who gave it up", async () => {
  const { store, gathered } = setUp();
  const slow = gate();
  store.inject({ operation: "claimMany", kind: "delay-reply", by: slow });
  const asked = ["a", "b"].map((key, n) => {
    const at = { storeKey: key, scope: { store: gathered } };
    return rejection(
      Promise.resolve(inTime(at as never, gathered.claim(key, request(key)), 1_000 + n * 1_000)),
    );
  });
  // One timer for all: the longest of their times.
  await pass(1_999);
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  await pass(1);
  const late = (await Promise.all(asked)) as { late: Promise<unknown>; message: string }[];
  expect(late.map(({ message }) => message)).toEqual([
    "no answer within 1000 ms",
    "no answer within 2000 ms",
  ]);
  slow.open();
  expect(await Promise.all(late.map(each => each.late))).toMatchObject([
    { status: "claimed" },
    { status: "claimed" },
  ]);
});

it("renews after the timers that are due, together, and holds at once", async () => {
  const { store, gathered } = setUp();
  await Promise.all(["a", "b", "c"].map(key => gathered.claim(key, request(key))));
  for (const key of ["a", "b"]) setTimeout(() => void gathered.renew(key, key, 30_000), 10);
  await pass(11);
  expect(sizes(store, "renewMany")).toEqual([2]);
  expect(await gathered.renew("c", "c", 0)).toBe(true);
  expect(store.calls.at(-1)).toMatchObject({ operation: "renew", args: ["c", "c", 0] });
});

it("passes hints on, and what is abandoned, where the store knows of them", async () => {
  const { store } = setUp();
  const settled = vi.fn(async () => {});
  const abandoned = vi.fn();
  const gathered = gatheredStore({ ...store, settled, abandoned });
  const { signal } = new AbortController();
  await gathered.settled!("k", signal);
  gathered.abandoned!("k");
  expect(settled).toHaveBeenCalledWith("k", signal);
  expect(abandoned).toHaveBeenCalledWith("k");
  const { settled: _, ...plain } = store;
  const silent = gatheredStore(plain);
  expect(silent.settled).toBeUndefined();
  expect(() => silent.abandoned!("k")).not.toThrow();
});

it("asks for as many answers as items, whatever the store makes of their array", async () => {
  const memory = memoryStore();
  const claimMany = async (items: readonly { key: string; request: ReturnType<typeof request> }[]) =>
    (items as { key: string; request: ReturnType<typeof request> }[])
      .splice(0)
      .map(item => memory.claim(item.key, item.request));
  const gathered = gatheredStore({ ...memory, claimMany: claimMany as never });
  const claims = ["a", "b"].map(key => gathered.claim(key, request(key)));
  expect(await Promise.all(claims)).toMatchObject([{ status: "claimed" }, { status: "claimed" }]);
});

it("has the limit of its store", () => {
  expect(gatheredStore({ ...memoryStore(), maxOutcomeBytes: 5 }).maxOutcomeBytes).toBe(5);
});

it("makes room, one by one, only for the operations on the key that is given up", async () => {
  const memory = memoryStore();
  const claim = vi.fn((key: string, it: ReturnType<typeof request>) =>
    key === "free" ? memory.claim(key, it) : new Promise<never>(() => {}),
  );
  const gathered = gatheredStore({ ...oneByOne(faultyStore(memory)), claim });
  for (let n = 0; n < 64; n++) void gathered.claim(`${n}`, request(`${n}`));
  const next = gathered.claim("free", request("t"));
  await turn();
  expect(claim).toHaveBeenCalledTimes(64);
  gathered.abandoned!("none of them");
  await turn();
  expect(claim).toHaveBeenCalledTimes(64);
  gathered.abandoned!("7");
  expect(await next).toMatchObject({ status: "claimed" });
  const another = gathered.claim("free", request("u"));
  expect(await another).toMatchObject({ status: "in-progress" });
});
