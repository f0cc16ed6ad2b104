import { makeIdempotent, memoryStore, withIdempotency } from "with-idempotency";
import { checks, deferred, has, rejection, same, sleep } from "./check.ts";
import { countOf, instance, smallStore } from "./scene.ts";

/** A function that counts its runs. */
function counted<T>(result: (run: number) => T) {
  const fn = () => {
    fn.runs += 1;
    return result(fn.runs);
  };
  fn.runs = 0;
  return fn;
}

const sharing = checks("sharing", {
  async "a thousand calls at once run fn once, on one claim"() {
    const { withIdempotency: call, store } = instance();
    const work = deferred();
    const fn = counted(() => work.promise);
    const calls = Array.from({ length: 1_000 }, () => call("k", "1m", fn));
    work.resolve("sent");
    same("the results", new Set(await Promise.all(calls)), new Set(["sent"]));
    same("the runs", fn.runs, 1);
    same("the claims", countOf(store, "claim"), 1);
  },
  async "calls at once each get a result of their own"() {
    const { withIdempotency: call } = instance();
    const [first, second] = await Promise.all([
      call("k", "1m", async () => ({ to: ["ada"] })),
      call("k", "1m", async () => ({ to: [""] })),
    ]);
    first.to.push("eve");
    same("the second result", second, { to: ["ada"] });
  },
  async "calls at once share the error of fn as it was thrown"() {
    const { withIdempotency: call } = instance();
    const error = new TypeError("bad address");
    const fail = () => Promise.reject(error);
    const errors = await Promise.all([rejection(call("k", "1m", fail)), rejection(call("k", "1m", fail))]);
    same("whether both are the error", errors[0] === error && errors[1] === error, true);
  },
  async "a call that rejects on conflict does so at once, beside one that waits"() {
    const { withIdempotency: call } = instance();
    const work = deferred();
    const first = call("k", "1m", () => work.promise);
    const error = await rejection(call("k", "1m", () => "", { onConflict: "reject" }));
    same("its code", (error as { code: string }).code, "IN_PROGRESS");
    work.resolve("sent");
    same("the first result", await first, "sent");
  },
});

const replaying = checks("replay", {
  async "a later call gets the first result, and fn does not run"() {
    const { execute } = instance();
    const fn = counted(run => ({ run }));
    const first = await execute(["order", 42], "1m", fn);
    const second = await execute(["order", 42], "1m", fn);
    const common = { persisted: true, attempt: 1, key: "order:42" };
    has("the first outcome", first, { ...common, replayed: false });
    same("the values", [first.value, second.value], [{ run: 1 }, { run: 1 }]);
    has("the second outcome", second, { ...common, replayed: true });
  },
  async "a key whose ttl is over runs again, by the real clock"() {
    const { execute } = instance();
    const fn = counted(run => run);
    await execute("k", "1s", fn);
    await sleep(1_100);
    const { value, replayed } = await execute("k", "1s", fn);
    same("the second outcome", [value, replayed], [2, false]);
  },
  async "calls without a store share the process's own"() {
    const fn = counted(run => run);
    const key = crypto.randomUUID();
    await withIdempotency(key, "1m", fn);
    same("the replay", await withIdempotency(key, "1m", fn), 1);
  },
  async "a wrapped function keeps its arguments and its this"() {
    const mailer = {
      from: "shop",
      send: makeIdempotent(
        async function (this: { from: string }, to: string) {
          return `${this.from} to ${to}`;
        },
        { key: (to: string) => ["mail", to], ttl: "1m", store: smallStore() },
      ),
    };
    same("the result", await mailer.send("ada"), "shop to ada");
  },
  async "a full store evicts the least recently used key, and tells which"() {
    const evicted: string[] = [];
    const store = memoryStore({ maxEntries: 2, onEvict: key => evicted.push(key) });
    for (const key of ["a", "b", "c"]) await withIdempotency(key, "1m", () => key, { store });
    same("what was evicted", evicted, ["a"]);
  },
});

export const sharingChecks = [...sharing, ...replaying];
