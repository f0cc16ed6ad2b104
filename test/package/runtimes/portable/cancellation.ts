import { checks, deferred, has, rejection, same, until } from "./check.ts";
import { countOf, instance, processes } from "./scene.ts";

export const cancellationChecks = checks("a signal", {
  async "that has aborted runs and claims nothing, and its reason is thrown"() {
    const { execute, store } = instance();
    const reason = { why: "shutdown" };
    const call = execute("k", "1m", () => "not run", { signal: AbortSignal.abort(reason) });
    same("whether it is the reason", (await rejection(call)) === reason, true);
    same("the claims", countOf(store, "claim"), 0);
  },
  async "that aborts rejects at once, aborts the run's own, and the run goes on to its end"() {
    const { execute } = instance();
    const abort = new AbortController();
    const work = deferred();
    const begun = deferred<void>();
    let seen: unknown;
    const call = execute(
      "k",
      "1m",
      ({ signal }) => {
        begun.resolve();
        signal.addEventListener("abort", () => {
          seen = signal.reason;
        });
        return work.promise;
      },
      { signal: abort.signal },
    );
    await begun.promise;
    abort.abort();
    const error = await rejection(call);
    has("the error", error, { name: "AbortError" });
    same("whether the run saw the same", seen === error, true);
    work.resolve("sent");
    has("the next call", await execute("k", "1m", () => "not run"), { value: "sent", replayed: true });
  },
  async "that aborts stops a waiter, and the others wait on"() {
    const [one, other] = processes();
    const work = deferred();
    const first = one.execute("k", "1m", () => work.promise);
    const abort = new AbortController();
    const leaver = rejection(other.execute("k", "1m", () => "", { signal: abort.signal }));
    const stayer = other.execute("k", "1m", () => "");
    await until("it waits", () => other.heard("waiting").length === 1);
    abort.abort("user left");
    same("the leaver's error", await leaver, "user left");
    work.resolve("sent");
    has("the first", await first, { value: "sent" });
    has("the stayer", await stayer, { value: "sent", replayed: true });
  },
  async "of this runtime's own timeout stops a waiter"() {
    const [one, other] = processes();
    const work = deferred();
    const first = one.execute("k", "1m", () => work.promise);
    const error = await rejection(other.execute("k", "1m", () => "", { signal: AbortSignal.timeout(100) }));
    has("the error", error, { name: "TimeoutError" });
    work.resolve("sent");
    await first;
  },
  async "asked for late has aborted already"() {
    const { execute } = instance();
    const abort = new AbortController();
    const begun = deferred<void>();
    const work = deferred();
    let aborted: boolean | undefined;
    const call = execute(
      "k",
      "1m",
      async execution => {
        begun.resolve();
        await work.promise;
        aborted = execution.signal.aborted;
      },
      { signal: abort.signal },
    );
    await begun.promise;
    abort.abort();
    await rejection(call);
    work.resolve("go on");
    await until("it is asked for", () => aborted !== undefined);
    same("whether it has aborted", aborted, true);
  },
});
