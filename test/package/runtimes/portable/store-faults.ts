import { checks, has, rejection, same, until } from "./check.ts";
import { countOf, instance } from "./scene.ts";

const FOREVER = { times: Number.POSITIVE_INFINITY };

export const storeFaultChecks = checks("a faulty store", {
  async "that hangs on the claim is given up after storeTimeout, and fn does not run"() {
    const { execute, store } = instance({ storeTimeout: "0.3s" });
    store.inject({ operation: "claim", kind: "hang", ...FOREVER });
    let runs = 0;
    const error = await rejection(execute("k", "1m", () => ++runs));
    const message = "The store failed to claim: no answer within 300 ms";
    has("the error", error, { code: "STORE_ERROR", name: "StoreError", key: "k", message });
    same("the runs", runs, 0);
    store.restore();
  },
  async "whose claim lands late has it released"() {
    const { execute, store, inspect, heard } = instance({ storeTimeout: "0.2s" });
    store.inject({ operation: "claim", kind: "delay-reply", by: 500 });
    await rejection(execute("k", "1m", () => 1));
    await until("it lands", () => heard("late-claim").length === 1);
    await until("it is released", async () => (await inspect("k"))?.state === "released");
  },
  async "that loses the claim's reply costs nothing"() {
    const { execute, store } = instance();
    store.inject({ operation: "claim", kind: "lose-reply" });
    has("the outcome", await execute("k", "1m", () => 1), { value: 1, attempt: 1, persisted: true });
    same("the claims", countOf(store, "claim"), 2);
  },
  async "that fails fails the call, with the cause"() {
    const { execute, store } = instance();
    const error = new Error("down");
    store.inject({ operation: "claim", kind: "fail", error, ...FOREVER });
    const failure = await rejection(execute("k", "1m", () => 1));
    has("the error", failure, { code: "STORE_ERROR" });
    same("whether the cause is the store's error", (failure as Error).cause === error, true);
  },
  async "that fails is run past, where the caller chose so"() {
    const { execute, store, heard } = instance({ onStoreError: "run" });
    store.inject({ operation: "claim", kind: "fail", ...FOREVER });
    has("the outcome", await execute("k", "1m", () => "sent"), { value: "sent", persisted: false });
    same("the events", heard("unprotected").length, 1);
  },
  async "that fails to complete makes no failure of a success"() {
    const { execute, store } = instance({ storeTimeout: "0.3s", lease: "1s" });
    store.inject({ operation: "complete", kind: "fail", ...FOREVER });
    has("the outcome", await execute("k", "1m", () => "sent"), { value: "sent", persisted: false });
    store.restore();
  },
  async "that answers nonsense is a store error"() {
    const { execute, store } = instance();
    store.inject({ operation: "claim", kind: "answer", value: { status: "ok" }, ...FOREVER });
    has("the error", await rejection(execute("k", "1m", () => 1)), { code: "STORE_ERROR" });
  },
});
