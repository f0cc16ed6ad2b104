import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore, type Options } from "../../../src/index.ts";
import { type Fault, faultyStore } from "../../../src/testing.ts";
import { COMES_TO, callScenes } from "../../support/call-scenes.ts";
import { pass, rejection } from "../../support/calls.ts";
import { FOREVER } from "../../support/faults.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** An instance that nobody listens to. */
function quiet(faults: Fault[] = [], options: Options = {}) {
  const store = faultyStore(memoryStore(), faults);
  return createIdempotency({ store, lease: "10s", ...options });
}

const SCENES = callScenes(createIdempotency);
const lost = new Error("connection reset");

describe("where nobody listens", () => {
  it.each(Object.keys(SCENES))("%s comes to what it should", async name => {
    const outcome = SCENES[name]!();
    await pass(60_000);
    expect(await outcome).toEqual(COMES_TO[name]);
  });

  it.each([
    ["nobody listens", {}],
    ["somebody does", { onEvent: () => {} }],
  ])("a replay says that its result is stored, where %s", async (_, options) => {
    const { execute } = createIdempotency({ store: memoryStore(), ...options });
    await execute("k", "1m", () => "sent");
    expect(await execute("k", "1m", () => "again")).toMatchObject({
      value: "sent",
      replayed: true,
      persisted: true,
    });
  });

  const throwing = () => {
    throw new Error("policy");
  };
  it.each([
    ["throws", throwing],
    ["rejects", () => Promise.reject(new Error("policy"))],
    ["answers something else", () => "retry"],
  ])("a policy that %s holds, and the error reaches the caller", async (_, policy) => {
    const onError = policy as NonNullable<Options["onError"]>;
    const { execute, inspect } = quiet([], { onError });
    expect(await rejection(execute("k", "1m", () => Promise.reject(lost)))).toBe(lost);
    expect(await inspect("k")).toMatchObject({ state: "uncertain" });
  });

  it("a late claim is given back", async () => {
    const { execute, inspect } = quiet([{ operation: "claim", kind: "delay-request", by: 8_000 }]);
    expect(await Promise.all([rejection(execute("k", "1m", () => 1)), pass(60_000)])).toBeTruthy();
    expect(await inspect("k")).toMatchObject({ state: "released" });
  });

  it("a store that stays down is survived", async () => {
    const { execute } = quiet([{ operation: "release", kind: "fail", ...FOREVER }]);
    const failed = rejection(execute("k", "1m", () => Promise.reject(lost)));
    await pass(60_000);
    expect(await failed).toBe(lost);
  });
});
