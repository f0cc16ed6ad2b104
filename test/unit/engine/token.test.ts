import { describe, expect, it, vi } from "vitest";
import { returnToken, takeToken } from "../../../src/engine/token.ts";

const MANY = 5_000; // of several random texts

describe("tokens", () => {
  it("are of one length, and none comes twice", () => {
    const tokens = Array.from({ length: MANY }, takeToken);
    expect(new Set(tokens).size).toBe(MANY);
    expect(tokens.every(token => /^[A-Za-z0-9+/]{22}$/.test(token))).toBe(true);
  });

  it("are taken from few random texts", () => {
    const draw = vi.spyOn(crypto, "getRandomValues");
    for (let taken = 0; taken < MANY; taken += 1) takeToken();
    expect(draw.mock.calls.length).toBeLessThan(7);
    draw.mockRestore();
  });

  it("that nobody has kept are taken again, once", () => {
    const token = takeToken();
    returnToken(token);
    expect(takeToken()).toBe(token);
    expect(takeToken()).not.toBe(token);
  });
});
