import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore, type Options } from "../../../src/index.ts";
import { recorder, rejection } from "../../support/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A run that takes an uncertain key over, and what was heard of its end. */
async function takeover(options: Options, fn: () => unknown = () => "sent") {
  const memory = memoryStore();
  memory.claim("k", { token: "dead", ttlMs: 3_600_000, leaseMs: 0 });
  const { onEvent, events } = recorder();
  const { execute } = createIdempotency({ store: memory, onEvent, onUncertain: "rerun", ...options });
  await execute("k", "1h", fn).catch(() => {});
  const [end] = events.filter(({ type }) => type === "completed" || type === "failed");
  return { end, status: (memory.read("k") as { status: string }).status };
}

const fail = () => {
  throw new Error("no");
};

describe("a takeover (P2)", () => {
  it.each([
    ["release", "hold", "uncertain"],
    ["hold", "hold", "uncertain"],
    ["store", "store", "completed"],
  ] as const)("that fails, where onError says %s: %s", async (chosen, policy, status) => {
    const { end, status: left } = await takeover({ onError: () => chosen }, fail);
    expect([end, left]).toEqual([expect.objectContaining({ type: "failed", policy }), status]);
  });

  it.each([
    ["release", "hold", "uncertain"],
    ["hold", "hold", "uncertain"],
    ["complete", undefined, "completed"],
  ] as const)("that succeeds, where onResult says %s: %s", async (chosen, policy, status) => {
    const { end, status: left } = await takeover({ onResult: () => chosen });
    expect([end, left]).toEqual([expect.objectContaining({ type: "completed" }), status]);
    expect((end as { policy?: string }).policy).toBe(policy);
  });
});

describe("a policy that says something else", () => {
  const cases = [
    ["onError", { onError: () => "retry" }, '"release" or "store" or "hold"', '"retry"'],
    ["onError", { onError: async () => "release" }, '"release" or "store" or "hold"', "a promise"],
    ["onResult", { onResult: () => "store" }, '"complete" or "release" or "hold"', '"store"'],
    ["onResult", { onResult: () => undefined }, '"complete" or "release" or "hold"', "undefined"],
  ] as const;

  it.each(cases)("%s %o is told so", async (name, policy, expected, got) => {
    const { onEvent, of } = recorder();
    const { execute } = createIdempotency({
      store: memoryStore(),
      onEvent,
      ...(policy as unknown as Options),
    });
    if (name === "onError") await rejection(execute("k", "1m", fail));
    else expect(await execute("k", "1m", () => "sent")).toMatchObject({ value: "sent", persisted: true });
    const message = `${name}: expected ${expected}; got ${got}`;
    expect(of("policy-error")).toMatchObject([{ error: expect.objectContaining({ message }) }]);
  });
});
