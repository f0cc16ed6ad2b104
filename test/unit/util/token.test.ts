import { expect, it, vi } from "vitest";
import { drawToken } from "../../../src/util/token.ts";

const MANY = 5_000;

it("draws tokens of one length, and none twice", () => {
  const tokens = Array.from({ length: MANY }, drawToken);
  expect(new Set(tokens).size).toBe(MANY);
  expect(tokens.every(token => /^[A-Za-z0-9_-]{22}$/.test(token))).toBe(true);
});

it("draws anew whenever what was waiting has run, as two clones of a process must", async () => {
  // What a snapshot holds is the same in both clones; what they draw after it is not.
  const draw = vi.spyOn(crypto, "getRandomValues");
  const copied: Uint8Array[] = [];
  for (let drawn = 1; drawn <= 3; drawn += 1) {
    drawToken();
    expect(draw).toHaveBeenCalledTimes(drawn);
    copied.push((draw.mock.calls.at(-1)![0] as Uint8Array).slice());
    await undefined;
  }
  expect(new Set(copied.map(String)).size).toBe(3);
  draw.mockRestore();
});

it("draws once for calls that begin together, and anew when those are too many", async () => {
  const draw = vi.spyOn(crypto, "getRandomValues");
  const begin = async () => {
    await undefined;
    return drawToken();
  };
  const tokens = await Promise.all(Array.from({ length: 32 }, begin));
  expect(draw).toHaveBeenCalledTimes(1);
  tokens.push(...(await Promise.all(Array.from({ length: 33 }, begin))));
  expect(draw).toHaveBeenCalledTimes(3);
  expect(new Set(tokens).size).toBe(65);
  draw.mockRestore();
});
