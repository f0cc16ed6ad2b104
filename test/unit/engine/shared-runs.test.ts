import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  closeFlight,
  endFlight,
  type Flight,
  holdFlight,
  landFlight,
  openFlight,
  watchFlight,
} from "../../../src/engine/shared-runs.ts";

const setUp = () => {
  const flights = new Map<string, Flight>();
  return { flights, flight: openFlight(flights, "k") };
};

describe("a flight", () => {
  it("is of nobody's run when it opens", () => {
    const { flights, flight } = setUp();
    expect(flights.get("k")).toBe(flight);
    expect(flight).toMatchObject({ attempt: 0, retryAfterMs: 0 });
    expect(flight.end).toBeUndefined();
  });

  it("wakes those who watch by what is news: a run, another run, its end", () => {
    const { flights, flight } = setUp();
    const wake = vi.fn();
    watchFlight(flight, wake);
    const woken = (act: () => void) => {
      wake.mockClear();
      act();
      return wake.mock.calls.length;
    };
    expect(woken(() => holdFlight(flight, 1, 30_000))).toBe(1);
    expect(woken(() => holdFlight(flight, 1, 20_000))).toBe(0);
    expect(flight.retryAfterMs).toBe(20_000);
    expect(woken(() => holdFlight(flight, 2, 30_000, "f"))).toBe(1);
    expect(woken(() => landFlight(flights, "k", flight, { type: "left" }))).toBe(1);
  });

  it("wakes nobody who stopped watching", () => {
    const { flight } = setUp();
    const wake = vi.fn();
    watchFlight(flight, wake)();
    endFlight(flight, { type: "left" });
    expect(wake).not.toHaveBeenCalled();
  });

  it("keeps its first end", () => {
    const { flights, flight } = setUp();
    landFlight(flights, "k", flight, { type: "left" });
    endFlight(flight, { type: "failed", error: "late", attempt: 1 });
    expect(flight.end).toEqual({ type: "left" });
  });

  it("makes way for the next one, and does not take that one's place away", () => {
    const { flights, flight } = setUp();
    closeFlight(flights, "k", flight);
    expect(flights.size).toBe(0);
    const next = openFlight(flights, "k");
    landFlight(flights, "k", flight, { type: "left" });
    expect(flights.get("k")).toBe(next);
  });
});

describe("a flight where timers end with their request", () => {
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
    const { closeFlight, isSilent, openFlight } = await import("../../../src/engine/shared-runs.ts");
    const flights = new Map<string, Flight>();
    const flight = openFlight(flights, "k");
    vi.advanceTimersByTime(60_000);
    expect(isSilent(flight)).toBe(false);
    closeFlight(flights, "k", flight);
    vi.advanceTimersByTime(60_000);
    expect(isSilent(flight)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
