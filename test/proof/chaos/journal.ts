import { openSync, writeSync } from "node:fs";
import type { HistoryEvent } from "../history/events.ts";

/**
 * Milliseconds by the machine's monotonic clock, which its processes share, and which no shift of the time of day
 * moves.
 */
export const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;

/** A line of a journal: an event of the history, and what belongs to it. */
export type Line = HistoryEvent & {
  /** Which operation of its process a `send` and its `store` belong to. */
  op?: number | undefined;
  /** Why an operation has no answer. */
  failure?: string | undefined;
  /** Whether its client may have asked before, and been answered otherwise. */
  isDoubtful?: boolean | undefined;
};

// Distributed over the members, so that each keeps its own fields.
type Without<E, Names extends string> = E extends unknown ? Omit<E, Names> : never;

/** What happened, where whoever writes adds when, and in which process. */
type Entry = Without<Line, "at" | "process"> & { at?: number; process?: string };

/** Writes what happens to a file at once, so that whoever is killed leaves all that it had seen. */
export interface Journal {
  process: string;
  now(): number;
  write(entry: Entry): void;
}

/** Opens a journal whose times count from `base`. */
export function openJournal(path: string, process: string, base: number): Journal {
  const file = openSync(path, "a");
  const now = () => Math.round((monotonicMs() - base) * 1_000) / 1_000;
  return {
    process,
    now,
    write: entry => void writeSync(file, `${JSON.stringify({ at: now(), process, ...entry })}\n`),
  };
}
