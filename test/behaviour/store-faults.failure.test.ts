import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { countOf, deferred, pass, rejection, turn } from "../support/calls.ts";
import { FOREVER, setUp } from "../support/faults.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a store that is down when fn has failed", () => {
  const error = new Error("fn's own");

  const failures = [
    ["release", "release", "released"],
    ["store", "complete", "completed"],
    ["hold", "renew", "uncertain"],
  ] as const;

  it.each(failures)(
    "%s: fn's own error reaches all, and the claim ends later",
    async (policy, operation, status) => {
      const { memory, store, call, fn, heard } = setUp([{ operation, kind: "fail", times: 3 }], {
        onError: () => policy,
      });
      fn.mockImplementation(() => {
        throw error;
      });
      expect(await Promise.all([rejection(call()), rejection(call())])).toEqual([error, error]);
      expect(memory.read("k")).toMatchObject({ status: "in-progress" });
      await pass(1_000);
      expect(memory.read("k")).toMatchObject({ status, attempt: 1 });
      expect(countOf(store, operation)).toBe(4);
      expect(heard.of("store-error")).toMatchObject([{ operation }, { operation }, { operation }]);
      expect(fn).toHaveBeenCalledTimes(1);
    },
  );

  it.each(["hang", "answer", "lose-reply"] as const)("%s: the same", async kind => {
    const fault = (kind === "answer" ? { kind, value: null } : { kind }) as { kind: "hang" };
    const { call, fn, store } = setUp([{ operation: "release", ...fault }], { storeTimeout: "2s" });
    fn.mockImplementation(() => {
      throw error;
    });
    const failed = rejection(call());
    await pass(2_000);
    expect(await failed).toBe(error);
    store.restore();
  });

  it("calls of this process meanwhile wait for the store to know, and then take their turn", async () => {
    const { call, fn, store } = setUp([{ operation: "release", kind: "fail", times: 2 }]);
    fn.mockImplementationOnce(() => {
      throw error;
    });
    await rejection(call());
    const next = call();
    const refused = rejection(call({ onConflict: "reject" }));
    expect(await refused).toMatchObject({ code: "IN_PROGRESS" });
    expect(countOf(store, "claim")).toBe(1);
    await pass(300);
    expect(await next).toMatchObject({ value: "run 2", replayed: false });
    expect(fn).toHaveBeenCalledTimes(2);
  });

  it("and stays down: the key becomes uncertain with the lease", async () => {
    const { call, fn, store } = setUp([{ operation: "release", kind: "fail", ...FOREVER }], { lease: "5s" });
    fn.mockImplementationOnce(() => {
      throw error;
    });
    await rejection(call());
    await pass(6_000);
    expect(await rejection(call())).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    const tries = countOf(store, "release");
    await pass(60_000);
    expect(countOf(store, "release")).toBe(tries);
  });
});

describe("a run that has lost its key", () => {
  it("keeps nobody off who shares the run after it, when its own failure cannot be noted", async () => {
    const { memory, store, execute, heard } = setUp([], { lease: "1s", onError: () => "release" });
    const [first, second] = [deferred(), deferred()];
    const lost = rejection(execute("k", "1m", () => first.promise));
    await turn();
    memory.forget("k");
    await pass(500);
    expect(heard.types()).toContain("lease-lost");
    const next = execute("k", "1m", () => second.promise);
    await turn();
    store.inject({ operation: "release", kind: "fail", ...FOREVER });
    const error = new Error("no");
    first.reject(error);
    expect(await lost).toBe(error);
    const claims = countOf(store, "claim");
    const sharer = execute("k", "1m", () => "third");
    await pass(2_000);
    second.resolve("second");
    expect(await next).toMatchObject({ value: "second", replayed: false });
    expect(await sharer).toMatchObject({ value: "second", replayed: true });
    expect(countOf(store, "claim")).toBe(claims);
    store.restore();
  });
});
