import { interruptedInTransit } from "with-idempotency";
import { checks, has, rejection, same, until } from "./check.ts";
import { instance, processes } from "./scene.ts";

const cut = () => Promise.reject(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
const refused = () =>
  Promise.reject(
    Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" }),
  );

const uncertain = checks("uncertain", {
  async "an error that says the request may have arrived holds the key"() {
    const { execute, inspect, heard } = instance();
    has("the error", await rejection(execute("k", "1m", cut)), { code: "ECONNRESET" });
    has("the event", heard("failed")[0], { policy: "hold" });
    has("the state", await inspect("k"), { state: "uncertain", attempt: 1, leaseInMs: 0 });
    const error = await rejection(execute("k", "1m", () => "not run"));
    has("the next call", error, {
      code: "OUTCOME_UNKNOWN",
      name: "OutcomeUnknownError",
      attempt: 1,
      key: "k",
    });
  },
  async "an AbortError of this runtime's own fetch holds the key"() {
    const { execute, inspect } = instance();
    const abort = new AbortController();
    abort.abort();
    const call = execute("k", "1m", () => fetch("http://127.0.0.1:9/", { signal: abort.signal }));
    has("the error", await rejection(call), { name: "AbortError" });
    has("the state", await inspect("k"), { state: "uncertain" });
  },
  async "a TimeoutError of this runtime's own AbortSignal counts as interrupted"() {
    const signal = AbortSignal.timeout(20);
    await until("it aborts", () => signal.aborted);
    has("the reason", signal.reason, { name: "TimeoutError" });
    same("whether it counts", interruptedInTransit(signal.reason), true);
    same("whether an ordinary error counts", interruptedInTransit(new Error("no such user")), false);
  },
  async "a rerun takes over, with the same key for the provider"() {
    const { execute } = instance();
    const keys: string[] = [];
    const call = execute("k", "1m", ({ idempotencyKey }) => {
      keys.push(idempotencyKey);
      return cut();
    });
    await rejection(call);
    const again = await execute(
      "k",
      "1m",
      ({ idempotencyKey, attempt }) => {
        keys.push(idempotencyKey);
        return attempt;
      },
      { onUncertain: "rerun" },
    );
    has("the outcome", again, { value: 2, attempt: 2, replayed: false });
    same("whether the keys are one", keys.length === 2 && keys[0] === keys[1], true);
  },
  async "a run whose process died is uncertain once its lease is over"() {
    const [one, other] = processes({ lease: "1s" });
    one.store.inject({ operation: "renew", kind: "fail", times: Number.POSITIVE_INFINITY });
    void one.execute("k", "1m", () => new Promise(() => {}));
    const error = await rejection(other.execute("k", "1m", () => "not run"));
    has("the waiter's error", error, { code: "OUTCOME_UNKNOWN", attempt: 1 });
    const rerun = await other.execute("k", "1m", ({ attempt }) => attempt, { onUncertain: "rerun" });
    has("the takeover", rerun, { value: 2 });
  },
  async "reconciliation settles an uncertain key, and only such a one"() {
    const { execute, resolve, inspect } = instance();
    await rejection(execute("k", "1m", cut));
    same("resolve", await resolve("k", "1m", { id: 7n }), true);
    has("the replay", await execute("k", "1m", () => "not run"), { value: { id: 7n }, replayed: true });
    same("resolve of a settled key", await resolve("k", "1m", 8), false);
    has("the state", await inspect("k"), { state: "completed", value: { id: 7n } });
  },
  async "a forgotten key runs anew, with another key for the provider"() {
    const { execute, forget, inspect } = instance();
    const run = () => execute("k", "1m", ({ idempotencyKey }) => idempotencyKey);
    const first = await run();
    same("forget", await forget("k"), true);
    same("the state", await inspect("k"), undefined);
    const second = await run();
    same("whether the keys differ", first.value !== second.value, true);
    same("forget of nothing", await forget("other"), false);
  },
});

const failing = checks("failing", {
  async "an error of fn frees the key, and the next call is attempt 2 with the same key for the provider"() {
    const { execute, inspect } = instance();
    const keys: string[] = [];
    const error = new Error("mailbox full");
    const fail = execute("k", "1m", ({ idempotencyKey }) => {
      keys.push(idempotencyKey);
      throw error;
    });
    same("whether it is the error itself", (await rejection(fail)) === error, true);
    has("the state", await inspect("k"), { state: "released", attempt: 1 });
    const retry = await execute("k", "1m", ({ idempotencyKey }) => keys.push(idempotencyKey));
    has("the retry", retry, { value: 2, attempt: 2, replayed: false });
    same("whether the keys are one", keys[0] === keys[1], true);
  },
  async "a request that was never sent frees the key"() {
    const { execute, inspect } = instance();
    await rejection(execute("k", "1m", refused));
    has("the state", await inspect("k"), { state: "released" });
  },
  async "an error that the policy stores is replayed"() {
    const { execute } = instance({ onError: () => "store" });
    const call = () =>
      execute("k", "1m", () => Promise.reject(Object.assign(new RangeError("too old"), { code: 410 })));
    has("the first error", await rejection(call()), { name: "RangeError" });
    const second = await rejection(call());
    has("the second", second, { code: "REPLAYED_ERROR", name: "ReplayedError" });
    has("the original", (second as { original: unknown }).original, {
      name: "RangeError",
      message: "too old",
      code: 410,
    });
  },
  async "a policy that throws holds the key"() {
    const { execute, inspect, heard } = instance({
      onError: () => {
        throw new Error("bad policy");
      },
    });
    has("the error", await rejection(execute("k", "1m", refused)), { code: "ECONNREFUSED" });
    has("the state", await inspect("k"), { state: "uncertain" });
    same("the events", heard("policy-error").length, 1);
  },
});

export const uncertainChecks = [...uncertain, ...failing];
