const UNITS: readonly [ms: number, letter: string][] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
];

/** A length of time in its two largest units. */
export function spanOf(ms: number): string {
  const first = UNITS.findIndex(([unit]) => ms >= unit);
  if (first < 0) return `${Math.max(0, Math.round(ms))}ms`;
  let rest = ms;
  const parts = UNITS.slice(first, first + 2).map(([unit, letter]) => {
    const count = Math.floor(rest / unit);
    rest -= count * unit;
    return count === 0 ? "" : `${count}${letter}`;
  });
  return parts.filter(part => part !== "").join(" ");
}

/** How long ago that was, by this machine's clock. */
export function ago(time: Date, now = Date.now()): string {
  const ms = now - time.getTime();
  return ms < 1_000 ? "now" : `${spanOf(ms)} ago`;
}
