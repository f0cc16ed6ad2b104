import { isIdempotencyError, memoryStore } from "with-idempotency";
import { manualClock } from "with-idempotency/testing";
import { checks, deferred, has, rejection, same, sleep, until } from "./check.ts";
import { countOf, instance, processes } from "./scene.ts";

const FOREVER = { times: Number.POSITIVE_INFINITY };

/**
 * Two processes on a store whose clock stands still until a lease of one second has been renewed: so that a busy
 * machine, on which renewals come late, makes no difference.
 */
function renewing() {
  const clock = manualClock();
  const [one, other] = processes({ lease: "1s" }, memoryStore({ clock: clock.now, maxEntries: 2_000 }));
  const renewed = async (key: string) => {
    clock.advance(600);
    await until("it is renewed", async () => (await other.inspect(key))?.leaseInMs === 1_000);
  };
  return { one, other, renewed };
}

export const leaseChecks = checks("lease", {
  async "is renewed while fn runs, however long that takes"() {
    const { one, other, renewed } = renewing();
    const work = deferred();
    const first = one.execute("k", "1m", () => work.promise);
    for (let renewal = 0; renewal < 4; renewal++) await renewed("k");
    has("the state", await other.inspect("k"), { state: "in-progress", attempt: 1 });
    work.resolve("sent");
    has("the first", await first, { value: "sent", persisted: true });
    has("the other process", await other.execute("k", "1m", () => "not run"), { value: "sent" });
  },
  async "is renewed for a run that begins after others have ended"() {
    const { one, renewed } = renewing();
    await one.execute("before", "1m", () => sleep(300));
    // By then no timer is left of the first one's.
    await sleep(1_200);
    const work = deferred();
    const late = one.execute("k", "1m", () => work.promise);
    for (let renewal = 0; renewal < 2; renewal++) await renewed("k");
    work.resolve("sent");
    has("the outcome", await late, { value: "sent", persisted: true });
  },
  async "is renewed no more once fn has ended"() {
    const { one, renewed } = renewing();
    const work = deferred();
    const call = one.execute("k", "1m", () => work.promise);
    await renewed("k");
    work.resolve("sent");
    await call;
    const renewals = countOf(one.store, "renew");
    await sleep(1_000);
    same("the renewals", countOf(one.store, "renew"), renewals);
  },
  async "that is lost aborts the signal, and fn's success still counts"() {
    const { execute, forget, heard } = instance({ lease: "1s" });
    const work = deferred();
    let signal: AbortSignal | undefined;
    const call = execute("k", "1m", execution => {
      signal = execution.signal;
      return work.promise;
    });
    await forget("k");
    await until("the signal aborts", () => signal?.aborted);
    same("whether the reason is LEASE_LOST", isIdempotencyError(signal?.reason, "LEASE_LOST"), true);
    same("the events", heard("lease-lost").length, 1);
    work.resolve("sent");
    has("the outcome", await call, { value: "sent", persisted: false, replayed: false });
  },
  async "that cannot be renewed is lost by its end"() {
    const { execute, inspect, store } = instance({ lease: "1s" });
    store.inject({ operation: "renew", kind: "fail", ...FOREVER });
    let leftMs: number | undefined;
    const call = execute("k", "1m", ({ signal }) => {
      return new Promise((_, reject) =>
        signal.addEventListener("abort", async () => {
          leftMs = (await inspect("k"))?.leaseInMs;
          reject(signal.reason);
        }),
      );
    });
    has("the error", await rejection(call), { code: "LEASE_LOST" });
    same("whether nothing of it was left", leftMs !== undefined && leftMs < 100, true);
  },
  async "that one failed renewal does not end"() {
    const { execute, store, heard } = instance({ lease: "8s" });
    store.inject({ operation: "renew", kind: "fail" });
    // Four times a lease, from the second time on: the last of these is after its first end.
    const outlived = () => until("it is renewed", () => countOf(store, "renew") === 4, 30_000);
    has("the outcome", await execute("k", "1m", outlived), { persisted: true });
    same("the losses", heard("lease-lost").length, 0);
    same("the errors", heard("store-error").length, 1);
  },
  async "that another took over leaves its late holder without the key"() {
    const [one, other] = processes({ lease: "1s" });
    one.store.inject({ operation: "renew", kind: "fail", ...FOREVER });
    const work = deferred();
    const zombie = one.execute("k", "1m", () => work.promise);
    await until("it is uncertain", async () => (await other.inspect("k"))?.state === "uncertain");
    await other.execute("k", "1m", () => "successor", { onUncertain: "rerun" });
    work.resolve("zombie");
    has("the late holder", await zombie, { value: "zombie", persisted: false });
    has("the key", await other.inspect("k"), { state: "completed", attempt: 2, value: "successor" });
  },
});
