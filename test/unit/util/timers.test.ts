import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backgroundTimer, weakly } from "../../../src/util/timers.ts";

describe("a background timer", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    // In this order: what was stubbed meanwhile is a fake.
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("rings once, after its delay", async () => {
    const ring = vi.fn();
    backgroundTimer(ring, 1_000);
    await vi.advanceTimersByTimeAsync(999);
    expect(ring).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1_001);
    expect(ring).toHaveBeenCalledTimes(1);
  });

  it("can be cleared", async () => {
    const ring = vi.fn();
    clearTimeout(backgroundTimer(ring, 1_000));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(ring).not.toHaveBeenCalled();
  });

  it("does not keep the process alive", () => {
    vi.useRealTimers();
    const timer = backgroundTimer(() => {}, 1_000);
    expect(timer.hasRef()).toBe(false);
    clearTimeout(timer);
  });

  it("is a number in a browser, which is enough", () => {
    vi.stubGlobal("setTimeout", () => 7);
    expect(backgroundTimer(() => {}, 1_000)).toBe(7);
  });
});

describe("what is held weakly", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("is there as long as somebody else holds it", () => {
    const target = {};
    expect(weakly(target).deref()).toBe(target);
  });

  it("is held by a WeakRef", () => {
    expect(weakly({})).toBeInstanceOf(WeakRef);
  });

  it("is held as it is where there is no WeakRef", () => {
    vi.stubGlobal("WeakRef", undefined);
    const target = {};
    expect(weakly(target).deref()).toBe(target);
  });
});

describe("timers that end with their request", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it.each([
    ["Cloudflare-Workers", true],
    ["Mozilla/5.0", false],
    [undefined, false],
  ])("with the user agent %s: %s", async (userAgent, ends) => {
    vi.stubGlobal("navigator", userAgent && { userAgent });
    vi.resetModules();
    const { timersEndWithRequest } = await import("../../../src/util/timers.ts");
    expect(timersEndWithRequest).toBe(ends);
  });
});
