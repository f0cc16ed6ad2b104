import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore, type Options, ResultUnavailableError } from "../../src/index.ts";
import { type Fault, faultyStore } from "../../src/testing.ts";
import { countOf, deferred, pass, rejection } from "../support/calls.ts";
import { FOREVER, setUp } from "../support/faults.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

// What a store throws where it meets a record that it cannot read.
const error = new ResultUnavailableError("The key has a record of another version");
const unreadable = { kind: "fail", error, ...FOREVER } as const;
const refusal = { name: "ResultUnavailableError", code: "RESULT_UNAVAILABLE", key: "k", cause: error };

function meets(faults: Fault[], options?: Options) {
  const scene = setUp(faults, options);
  const operations = () => scene.store.calls.map(({ operation }) => operation);
  return { ...scene, operations };
}

describe("a record that the store cannot read", () => {
  it.each(["throw", "run"] as const)(
    "refuses the call at its claim, once, and nothing runs or is released (onStoreError: %s)",
    async onStoreError => {
      const { call, fn, heard, operations } = meets([{ operation: "claim", ...unreadable }], {
        onStoreError,
      });
      expect(await rejection(call())).toMatchObject({ ...refusal, message: error.message });
      await pass(60_000);
      expect(fn).not.toHaveBeenCalled();
      expect(operations()).toEqual(["claim"]);
      expect(heard.events).toMatchObject([{ type: "refused", key: "k", code: "RESULT_UNAVAILABLE" }]);
    },
  );

  it("refuses it where the store throws at once, too", async () => {
    const claim = vi.fn(() => {
      throw error;
    });
    const { fn } = setUp();
    const instance = createIdempotency({ store: { ...faultyStore(memoryStore()), claim } });
    expect(await rejection(instance.execute("k", "1m", fn))).toMatchObject(refusal);
    expect(claim).toHaveBeenCalledTimes(1);
    expect(fn).not.toHaveBeenCalled();
  });

  it("refuses it when its claim is repeated", async () => {
    const { call, fn, heard, operations } = meets(
      [
        { operation: "claim", kind: "fail" },
        { operation: "claim", nth: 2, ...unreadable },
      ],
      { onStoreError: "run" },
    );
    expect(await rejection(call())).toMatchObject(refusal);
    await pass(60_000);
    expect(fn).not.toHaveBeenCalled();
    expect(operations()).toEqual(["claim", "claim"]);
    expect(heard.types()).toEqual(["store-error", "refused"]);
  });

  it("refuses those who share its way", async () => {
    const { call, fn } = meets([{ operation: "claim", ...unreadable }]);
    const errors = await Promise.all([rejection(call()), rejection(call()), rejection(call())]);
    expect(errors).toMatchObject([refusal, refusal, refusal]);
    expect(fn).not.toHaveBeenCalled();
  });

  it("refuses one who waits", async () => {
    const { call, fn, heard, memory } = meets([{ operation: "claim", nth: 2, ...unreadable }]);
    await memory.claim("k", { token: "other", ttlMs: 60_000, leaseMs: 60_000 });
    const refused = rejection(call());
    await pass(1_000);
    expect(await refused).toMatchObject(refusal);
    expect(fn).not.toHaveBeenCalled();
    expect(heard.types()).toEqual(["waiting", "refused"]);
  });

  it("is not released by a claim that was given up before its answer came", async () => {
    const reply = deferred<never>();
    const store = { ...faultyStore(memoryStore()), claim: () => reply.promise };
    const { execute } = createIdempotency({ store, lease: "5s", storeTimeout: "1s" });
    const refused = rejection(execute("k", "1m", () => "run"));
    await pass(30_000);
    expect(await refused).toMatchObject({ code: "STORE_ERROR" });
    const releases = countOf(store, "release");
    reply.reject(error);
    await pass(30_000);
    expect(countOf(store, "release")).toBe(releases);
  });

  it("is reported to those who ask about the key or settle it", async () => {
    const { inspect, resolve, forget } = meets([
      { operation: "read", ...unreadable },
      { operation: "settle", ...unreadable },
      { operation: "forget", ...unreadable },
    ]);
    const asked = [inspect("k"), resolve("k", "1m", 1), forget("k")];
    expect(await Promise.all(asked.map(rejection))).toMatchObject([refusal, refusal, refusal]);
  });

  it("does not take the result from the call that ran", async () => {
    const { call, heard } = meets([{ operation: "complete", ...unreadable }]);
    expect(await call()).toMatchObject({ value: "run 1", persisted: false });
    expect(heard.types()).toContain("store-error");
  });
});
