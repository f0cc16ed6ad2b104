import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  closeRun,
  endRun,
  LEFT,
  noteHolder,
  openRun,
  type SharedRun,
  scopeOf,
  watchRun,
} from "../../../src/engine/shared-runs.ts";
import { memoryStore } from "../../../src/index.ts";

const setUp = () => {
  const scope = scopeOf(memoryStore());
  return { scope, shared: openRun(scope, "k") };
};

describe("a shared run", () => {
  it("is of nobody's run when it opens", () => {
    const { scope, shared } = setUp();
    expect(scope.runs.get("k")).toBe(shared);
    expect(shared).toMatchObject({ attempt: 0, retryAfterMs: 0 });
    expect(shared.end).toBeUndefined();
  });

  it("wakes those who watch by what is news: a run, another run, its end", () => {
    const { shared } = setUp();
    const wake = vi.fn();
    watchRun(shared, wake);
    const woken = (act: () => void) => {
      wake.mockClear();
      act();
      return wake.mock.calls.length;
    };
    expect(woken(() => noteHolder(shared, 1, 30_000, undefined))).toBe(1);
    expect(woken(() => noteHolder(shared, 1, 20_000, undefined))).toBe(0);
    expect(shared.retryAfterMs).toBe(20_000);
    expect(woken(() => noteHolder(shared, 2, 30_000, "f"))).toBe(1);
    expect(woken(() => endRun(shared, LEFT))).toBe(1);
  });

  it("wakes nobody who stopped watching", () => {
    const { shared } = setUp();
    const wake = vi.fn();
    watchRun(shared, wake)();
    endRun(shared, LEFT);
    expect(wake).not.toHaveBeenCalled();
  });

  it("keeps its first end", () => {
    const { shared } = setUp();
    endRun(shared, LEFT);
    endRun(shared, { type: "failed", error: "late", attempt: 1 });
    expect(shared.end).toEqual({ type: "left" });
  });

  it("makes way for the next one, and does not take that one's place away", () => {
    const { scope, shared } = setUp();
    closeRun(scope, "k", shared);
    expect(scope.runs.has("k")).toBe(false);
    const next = openRun(scope, "k");
    closeRun(scope, "k", shared);
    endRun(shared, LEFT);
    expect(scope.runs.get("k")).toBe(next);
  });
});

describe("a shared run where timers end with their request", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
    vi.resetModules();
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("shows that its leader lives for as long as it is open, and no longer", async () => {
    const { closeRun, isSilent, openRun } = await import("../../../src/engine/shared-runs.ts");
    const scope = { store: memoryStore(), local: undefined, runs: new Map<string, SharedRun>() };
    const shared = openRun(scope, "k");
    vi.advanceTimersByTime(60_000);
    expect(isSilent(shared)).toBe(false);
    closeRun(scope, "k", shared);
    vi.advanceTimersByTime(60_000);
    expect(isSilent(shared)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
