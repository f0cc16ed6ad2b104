import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Cost, type Measured, summarize } from "./measure.ts";

export const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Runs one measure in a process of its own, and returns what it reports. */
export function measure<T>(script: string, ...args: string[]): T {
  const argv = ["--import", "tsx", "--expose-gc", at(script), ...args];
  return JSON.parse(execFileSync(process.execPath, argv, { encoding: "utf8", cwd: at("..") })) as T;
}

const FRESH_ROUNDS = 5;

/**
 * Measures candidates by a script, each in a process of its own, round by round: within one process, what a candidate did
 * before decides how fast the compiler makes the next, and what it left is garbage of all.
 */
export function compareFresh(script: string, candidates: readonly (readonly string[])[]): Measured[] {
  const rounds = Array.from({ length: FRESH_ROUNDS }, () =>
    candidates.map(args => measure<Cost>(script, ...args)),
  );
  return summarize(
    candidates.map(args => args.join(" ")),
    rounds,
  );
}
