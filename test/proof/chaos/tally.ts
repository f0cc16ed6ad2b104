import type { HistoryEvent } from "../history/events.ts";
import { type Run, tell } from "../history/story.ts";
import type { Verdict } from "./assemble.ts";
import { groupBy } from "./group.ts";
import type { Line } from "./journal.ts";
import type { Done } from "./nemesis.ts";

/** What a run of chaos came to, as lines of a table. */
export type Tally = Map<string, number | string>;

const MADE_UP = new Set(["the end"]);

/** Counts what happened. */
export function count(lines: readonly Line[], { histories, violations }: Verdict, done: Done): Tally {
  const of = (type: Line["type"]) => lines.filter(line => line.type === type);
  const results = lines.filter(line => line.type === "result");
  const refused = lines.filter(line => line.type === "refused");
  const codes = groupBy(refused, ({ code, error, aborted }) =>
    aborted ? "by the caller's signal" : (code ?? (error ? "by an error of fn" : "?")),
  );
  return new Map<string, number | string>([
    ["calls", of("call").length],
    ["calls made together", of("many").length],
    ["batches", of("batch").length],
    ["runs", of("start").length],
    ["effects", of("effect").length],
    ["windows with an effect", windowsOf(lines)],
    ["duplicates", sumOf(histories, duplicatesOf)],
    ["results", results.length],
    ["replays", results.filter(({ replayed }) => replayed).length],
    ["results not stored", results.filter(({ persisted }) => !persisted).length],
    ["takeovers", sumOf(histories, takeoversOf)],
    ["leases lost", of("lost").length],
    ...[...codes].sort().map(([code, { length }]) => [`refused: ${code}`, length] as const),
    ["operations of the store", of("send").length],
    ["operations without an answer", lines.filter(line => line.type === "store" && line.failure).length],
    ...[...done].sort().map(([what, times]) => [`✂ ${what}`, times] as const),
    ["violations", violations.length],
  ]);
}

function windowsOf(lines: readonly Line[]): number {
  const effects = lines.filter(({ type }) => type === "effect") as { key: string; idempotencyKey: string }[];
  return new Set(effects.map(({ key, idempotencyKey }) => `${key} ${idempotencyKey}`)).size;
}

const sumOf = (histories: Verdict["histories"], of: (history: readonly HistoryEvent[]) => number): number =>
  [...histories.values()].reduce((sum, history) => sum + of(history), 0);

/** Runs that took over from one that had not freed the key. */
function takeoversOf(history: readonly HistoryEvent[]): number {
  const runs = tell(history).windows.flatMap(window =>
    window.runs.map((run, index) => [run, window.runs[index - 1]]),
  );
  return runs.filter(
    ([run, before]) => before && run!.call.onUncertain === "rerun" && before.thrown?.policy !== "release",
  ).length;
}

/** Effects of a window beyond what the policy allows. */
function duplicatesOf(history: readonly HistoryEvent[]): number {
  const effects = new Set(history.flatMap(event => (event.type === "effect" ? [event.call] : [])));
  return tell(history).windows.reduce((sum, { runs }) => {
    const sent = runs.filter(({ call }) => effects.has(call.call));
    return (
      sum + sent.filter((run, index) => sent.slice(0, index).some(earlier => forbids(earlier, run))).length
    );
  }, 0);
}

/** Whether an effect of `earlier` leaves no room for one of `later`. */
function forbids({ thrown, call }: Run, later: Run): boolean {
  if (later.call.onUncertain === "rerun") {
    return call.result?.persisted === true && call.result.at < later.call.at;
  }
  return thrown?.policy !== "release" || thrown.at > later.start.at;
}

/** The table as text. */
export function table(tally: Tally): string {
  const width = Math.max(...[...tally.keys()].map(({ length }) => length));
  return [...tally].map(([name, value]) => `${name.padEnd(width)}  ${String(value).padStart(8)}`).join("\n");
}

const opOf = (event: HistoryEvent) => `${event.process} ${(event as Line).op}`;

/** The events of a history without what was put in for the checker. */
export function asItHappened(history: readonly HistoryEvent[]): HistoryEvent[] {
  // Of those of an operation the one with its answer, else the last.
  const shown = new Map<string, HistoryEvent>();
  for (const event of history) {
    const known = event.type === "store" ? shown.get(opOf(event)) : undefined;
    if (event.type === "store" && (known as typeof event | undefined)?.answer === undefined)
      shown.set(opOf(event), event);
  }
  return history
    .filter(event => event.type !== "note" || !MADE_UP.has(event.text))
    .filter(event => event.type !== "store" || shown.get(opOf(event)) === event)
    .map(event => ({ ...event, at: Math.round(event.at) }));
}
