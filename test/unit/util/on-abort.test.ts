import { getEventListeners } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { onAbort } from "../../../src/util/on-abort.ts";

describe("a signal that many watch", () => {
  it("has one listener for all, and none after the last", () => {
    const { signal } = new AbortController();
    const forget = Array.from({ length: 50 }, () => onAbort(signal, () => {}));
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    for (const stop of forget.slice(1)) stop();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    forget[0]!();
    forget[0]!();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("calls each, but for those who left, one by another too", () => {
    const controller = new AbortController();
    const told: string[] = [];
    const leave = onAbort(controller.signal, () => told.push("left"));
    const first = onAbort(controller.signal, () => {
      told.push("first");
      first();
    });
    onAbort(controller.signal, () => told.push("second"));
    leave();
    controller.abort();
    expect(told).toEqual(["first", "second"]);
  });

  it("starts anew after the last has left", () => {
    const controller = new AbortController();
    onAbort(controller.signal, vi.fn())();
    const act = vi.fn();
    onAbort(controller.signal, act);
    controller.abort();
    expect(act).toHaveBeenCalledTimes(1);
  });
});
