import { checks, deferred, has, rejection, same, sleep, until } from "./check.ts";
import { countOf, processes } from "./scene.ts";

export const waitingChecks = checks("waiting", {
  async "a call of another process waits for the result, and gets it"() {
    const [one, other] = processes();
    const work = deferred();
    const first = one.execute("k", "1m", () => work.promise);
    const second = other.execute("k", "1m", () => "not run");
    await until("it waits", () => other.heard("waiting").length === 1);
    work.resolve("sent");
    has("the first", await first, { value: "sent", replayed: false });
    has("the second", await second, { value: "sent", replayed: true });
  },
  async "a waiter hears of the result by the store's hint, before its next poll"() {
    const [one, other] = processes();
    const work = deferred();
    void one.execute("k", "1m", () => work.promise);
    const second = other.execute("k", "1m", () => "not run");
    // By then its polls are half a second apart at the most, and a quarter at the least.
    await sleep(1_500);
    const polls = countOf(other.store, "claim");
    work.resolve("sent");
    await second;
    same("the claims after the result", countOf(other.store, "claim"), polls + 1);
  },
  async "a waiter on a store without hints polls"() {
    const [one, { store }] = processes();
    const { settled: _, ...silent } = store;
    const work = deferred();
    void one.execute("k", "1m", () => work.promise);
    const second = one.execute("k", "1m", () => "not run", { store: silent });
    await sleep(200);
    work.resolve("sent");
    has("the second", await second, { value: "sent", replayed: true });
  },
  async "a waiter that finds the key released takes its own turn"() {
    const [one, other] = processes();
    const work = deferred();
    const first = rejection(one.execute("k", "1m", () => work.promise));
    const second = other.execute("k", "1m", ({ attempt }) => `run ${attempt}`);
    await until("it waits", () => other.heard("waiting").length === 1);
    work.reject(new Error("mailbox full"));
    has("the first error", await first, { message: "mailbox full" });
    has("the second", await second, { value: "run 2", attempt: 2, replayed: false });
  },
  async "a waiter that waited long enough gets IN_PROGRESS, with the rest of the lease"() {
    const [one, other] = processes();
    const work = deferred();
    const first = one.execute("k", "1m", () => work.promise);
    const error = await rejection(other.execute("k", "1m", () => "", { waitTimeout: "0.2s" }));
    has("the error", error, { code: "IN_PROGRESS", name: "InProgressError", key: "k" });
    const { retryAfterMs } = error as { retryAfterMs: number };
    same("whether the rest is that of 30 s", retryAfterMs > 20_000 && retryAfterMs <= 30_000, true);
    work.resolve("sent");
    await first;
  },
  async "of a hundred calls of two processes one runs, and all get its result"() {
    const both = processes();
    let runs = 0;
    const fn = async () => {
      await sleep(50);
      runs += 1;
      return runs;
    };
    const calls = Array.from({ length: 100 }, (_, i) => both[i % 2]!.withIdempotency("k", "1m", fn));
    same("the results", new Set(await Promise.all(calls)), new Set([1]));
    same("the runs", runs, 1);
  },
  async "another payload under the key is refused, also while the first still runs"() {
    const [one, other] = processes();
    const work = deferred();
    const first = one.execute("k", "1m", () => work.promise, { fingerprint: { amount: 1 } });
    for (const process of [one, other]) {
      const call = process.execute("k", "1m", () => "", { fingerprint: { amount: 2 } });
      has("the error", await rejection(call), { code: "KEY_REUSED" });
    }
    work.resolve("sent");
    await first;
    const match = await other.execute("k", "1m", () => "", { fingerprint: { amount: 1 } });
    has("the call with the same payload", match, { value: "sent", replayed: true });
  },
});
