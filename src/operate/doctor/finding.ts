/** What a look at a server came to. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  /** `note`: nothing to mend, but to know. `unknown`: the server does not say, or not to this user. */
  readonly status: "ok" | "problem" | "note" | "unknown";
  /** What is there. */
  readonly found: string;
  /** What to do about it. */
  readonly mend?: string | undefined;
}

export const ok = (check: string, found: string): Finding => ({ check, status: "ok", found });
export const problem = (check: string, found: string, mend: string): Finding => ({
  check,
  status: "problem",
  found,
  mend,
});
export const note = (check: string, found: string, mend?: string): Finding => ({
  check,
  status: "note",
  found,
  mend,
});
export const unknown = (check: string, found: string, mend?: string): Finding => ({
  check,
  status: "unknown",
  found,
  mend,
});

/** A look that fails is a finding too, and keeps no other from being made. */
export async function examined(
  check: string,
  look: () => Promise<Finding | readonly Finding[]>,
  mend?: string,
): Promise<readonly Finding[]> {
  try {
    const found = await look();
    return Array.isArray(found) ? found : [found as Finding];
  } catch (error) {
    return [unknown(check, `unavailable: ${error instanceof Error ? error.message : String(error)}`, mend)];
  }
}

// What a network and a busy server may add, beyond the time that the question took.
const CLOCK_TOLERANCE_MS = 1_000;

/** Compares a server's clock with ours, which is read before and after. */
export async function clock(
  check: string,
  ask: () => Promise<number>,
  now: () => number = Date.now,
): Promise<Finding> {
  const before = now();
  const theirs = await ask();
  const after = now();
  const offMs = theirs < before ? theirs - before : Math.max(0, theirs - after);
  if (Math.abs(offMs) <= CLOCK_TOLERANCE_MS) return ok(check, "the server's clock and this machine's agree");
  const seconds = (Math.abs(offMs) / 1_000).toFixed(1);
  const where = offMs > 0 ? "ahead of" : "behind";
  return problem(
    check,
    `the server's clock is ${seconds} s ${where} this machine's`,
    "Sync both with NTP, slewed and not stepped: a step of the server's clock ends leases and windows early or late",
  );
}

/** The first number of a version, such as 7 of `7.0.15`. */
export const majorOf = (version: string): number => Number.parseInt(version, 10);
