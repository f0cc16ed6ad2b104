/** What becomes of a request: `"cut"` ends its connection after the batch was accepted, and so does `"cut-again"` to the
 * same batch's later tries. */
export type Fate = "answered" | "slow" | "too-many" | "failed" | "unavailable" | "cut" | "cut-again";

const EVERY: readonly (readonly [nth: number, of: number, fate: Fate])[] = [
  [11, 29, "cut-again"],
  [6, 13, "cut"],
  [3, 7, "too-many"],
  [5, 11, "unavailable"],
  [9, 17, "failed"],
  [2, 5, "slow"],
];

/** The fate of the provider's nth request, from 1: no run is luckier than another. */
export function fateOf(count: number): Fate {
  return EVERY.find(([nth, of]) => count % of === nth)?.[2] ?? "answered";
}

/** Whether an inbox takes nothing at first. */
export const isBusy = (email: string): boolean => Number(/\d+/.exec(email)?.[0]) % 97 === 13;
