import { expect, it, vi } from "vitest";
import { drawToken } from "../../../src/util/token.ts";

const MANY = 5_000;

it("draws tokens of one length, and none twice", () => {
  const tokens = Array.from({ length: MANY }, drawToken);
  expect(new Set(tokens).size).toBe(MANY);
  expect(tokens.every(token => /^[A-Za-z0-9_-]{22}$/.test(token))).toBe(true);
});

it("draws each from the platform's randomness at that moment, as two clones of a process must", () => {
  // What a snapshot holds is the same in both clones; what they draw after it is not.
  const draw = vi.spyOn(crypto, "getRandomValues");
  for (let drawn = 1; drawn <= 3; drawn += 1) {
    drawToken();
    expect(draw).toHaveBeenCalledTimes(drawn);
  }
  draw.mockRestore();
});
