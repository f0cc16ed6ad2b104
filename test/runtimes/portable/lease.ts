import { isIdempotencyError } from "with-idempotency";
import { checks, deferred, has, rejection, same, sleep, until } from "./check.ts";
import { countOf, instance, processes } from "./scene.ts";

const FOREVER = { times: Number.POSITIVE_INFINITY };

export const leaseChecks = checks("lease", {
  async "of one second is renewed while fn runs for three"() {
    const [one, other] = processes({ lease: "1s" });
    const first = one.execute("k", "1m", () => sleep(3_000).then(() => "sent"));
    for (let look = 0; look < 5; look++) {
      await sleep(500);
      has("the state", await other.inspect("k"), { state: "in-progress", attempt: 1 });
    }
    has("the first", await first, { value: "sent", persisted: true });
    same("whether it was renewed", countOf(one.store, "renew") >= 3, true);
    has("the other process", await other.execute("k", "1m", () => "not run"), { value: "sent" });
  },
  async "is renewed for a run that begins after others have ended"() {
    const [one, other] = processes({ lease: "1s" });
    await one.execute("before", "1m", () => sleep(300));
    await sleep(1_200);
    const late = one.execute("k", "1m", () => sleep(1_800).then(() => "sent"));
    await sleep(1_500);
    has("the state", await other.inspect("k"), { state: "in-progress" });
    has("the outcome", await late, { value: "sent", persisted: true });
  },
  async "is renewed no more once fn has ended"() {
    const { execute, store } = instance({ lease: "1s" });
    await execute("k", "1m", () => sleep(700));
    const renewals = countOf(store, "renew");
    await sleep(1_000);
    same("the renewals", countOf(store, "renew"), renewals);
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
    await until("the signal aborts", () => signal?.aborted, 5_000);
    same("whether the reason is LEASE_LOST", isIdempotencyError(signal?.reason, "LEASE_LOST"), true);
    same("the events", heard("lease-lost").length, 1);
    work.resolve("sent");
    has("the outcome", await call, { value: "sent", persisted: false, replayed: false });
  },
  async "that cannot be renewed is lost by its end"() {
    const { execute, store } = instance({ lease: "1s" });
    store.inject({ operation: "renew", kind: "fail", ...FOREVER });
    const begun = Date.now();
    const call = execute("k", "1m", ({ signal }) => {
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    });
    has("the error", await rejection(call), { code: "LEASE_LOST" });
    same("whether that took its time", Date.now() - begun >= 900, true);
  },
  async "that one failed renewal does not end"() {
    const { execute, store, heard } = instance({ lease: "4s" });
    store.inject({ operation: "renew", kind: "fail" });
    has("the outcome", await execute("k", "1m", () => sleep(4_500).then(() => 1)), { persisted: true });
    same("the losses", heard("lease-lost").length, 0);
    same("the errors", heard("store-error").length, 1);
  },
  async "that another took over leaves its late holder without the key"() {
    const [one, other] = processes({ lease: "1s" });
    one.store.inject({ operation: "renew", kind: "fail", ...FOREVER });
    const work = deferred();
    const zombie = one.execute("k", "1m", () => work.promise);
    await until("it is uncertain", async () => (await other.inspect("k"))?.state === "uncertain", 5_000);
    await other.execute("k", "1m", () => "successor", { onUncertain: "rerun" });
    work.resolve("zombie");
    has("the late holder", await zombie, { value: "zombie", persisted: false });
    has("the key", await other.inspect("k"), { state: "completed", attempt: 2, value: "successor" });
  },
});
