import { check, checkBatches } from "../history/checker.ts";
import type { HistoryEvent, StoreEvent, Violation } from "../history/events.ts";
import { groupBy } from "./group.ts";
import type { Line } from "./journal.ts";

/**
 * How long an operation without an answer may still be on its way: a server that is paused, or a lock that is held,
 * keeps what it has been sent and does it later.
 */
const LANDING_MS = 6_000;
/** A store's clock counts whole milliseconds. */
const CLOCK_MS = 1;
/** How late a busy machine's timer may ring: who is told of a lost lease within that time is told in time. */
const LATE_MS = 250;

/** A history by keys, and what was found in it. */
export interface Verdict {
  histories: Map<string, HistoryEvent[]>;
  violations: Violation[];
}

/** Puts together what the processes wrote, and has it checked key by key. */
export function judge(lines: readonly Line[]): Verdict {
  const endsAt = lines.at(-1)?.at ?? 0;
  const absences = mergeAbsences(lines);
  const byKey = groupBy(lines.filter(hasKey), ({ key }) => key);
  const histories = new Map<string, HistoryEvent[]>();
  const violations: Violation[] = [];
  for (const [key, own] of byKey) {
    const history = historyOf(own, absences, endsAt);
    histories.set(key, history);
    violations.push(...check(history, { lateMs: LATE_MS }));
  }
  violations.push(...checkBatches(wholeOf(lines, absences), { lateMs: LATE_MS }));
  const left = lines.filter(({ type }) => type === "left") as HistoryEvent[];
  violations.push(...check(left));
  return { histories, violations };
}

/** The history of all keys, for what is told of calls that are made together. */
function wholeOf(lines: readonly Line[], absences: ReadonlyMap<string, HistoryEvent[]>): HistoryEvent[] {
  const present: HistoryEvent[] = lines.filter(line => !isAbsence(line));
  return [...present, ...[...absences.values()].flat()].sort((a, b) => a.at - b.at);
}

const hasKey = (line: Line): line is Line & { key: string } => "key" in line && line.key !== undefined;

function historyOf(
  own: readonly Line[],
  absences: ReadonlyMap<string, HistoryEvent[]>,
  endsAt: number,
): HistoryEvent[] {
  const processes = new Set(own.map(({ process }) => process));
  const away = [...processes].flatMap(process => absences.get(process) ?? []);
  const known = own.filter(line => !isUnanswered(line)).map(widened);
  const events = [...known, ...unanswered(own, away, endsAt), ...away].sort((a, b) => a.at - b.at);
  const end: HistoryEvent = { type: "note", at: endsAt, process: "driver", text: "the end" };
  return [...events, end];
}

const isUnanswered = (line: Line) => line.type === "store" && line.answer === undefined;

/** Bounds of an operation by the store's clock. */
const widened = (line: Line): HistoryEvent =>
  line.type === "store" ? { ...line, sent: line.sent - CLOCK_MS } : line;

/** What nobody knows of: operations that may have been done, and from when to when. */
function unanswered(own: readonly Line[], away: readonly HistoryEvent[], endsAt: number): StoreEvent[] {
  const ends = new Map(own.flatMap(line => (line.type === "store" ? [[opOf(line), line] as const] : [])));
  return own.flatMap(line => {
    if (line.type !== "send") return [];
    const end = ends.get(opOf(line));
    if (end?.type === "store" && end.isDoubtful) return [{ ...end, answer: undefined, heard: false }];
    if (end && !isUnanswered(end)) return [];
    const crash = away.find(({ type, process }) => type === "crash" && process === line.process);
    const known = end?.type === "store" ? end : line;
    const at = (end?.at ?? crash?.at ?? endsAt) + LANDING_MS;
    return [{ ...known, type: "store", sent: line.at, at, heard: false } satisfies StoreEvent];
  });
}

const opOf = ({ process, op }: Line) => `${process} ${op}`;

/** Each process's pauses as the checker reads them: none within another, and none after its end. */
function mergeAbsences(lines: readonly Line[]): Map<string, HistoryEvent[]> {
  const merged = new Map<string, HistoryEvent[]>();
  const byProcess = groupBy(lines.filter(isAbsence), ({ process }) => process);
  for (const [process, events] of byProcess) {
    const crash = events.find(({ type }) => type === "crash");
    const spans = unite(spansOf(events.filter(({ at }) => at < (crash?.at ?? Infinity))));
    merged.set(process, [
      ...spans.flatMap(({ from, to }): HistoryEvent[] => [
        { type: "pause", at: from, process },
        { type: "resume", at: Math.min(to, crash?.at ?? to), process },
      ]),
      ...(crash ? [{ type: "crash", at: crash.at, process } as const] : []),
    ]);
  }
  return merged;
}

const isAbsence = ({ type }: Line) => type === "pause" || type === "resume" || type === "crash";

interface Span {
  from: number;
  to: number;
}

/** The driver's pauses and the process's own stalls overlap: a pause counts until as many have ended as began. */
function spansOf(events: readonly Line[]): Span[] {
  let depth = 0;
  let from = 0;
  const spans: Span[] = [];
  for (const { type, at } of events) {
    if (type === "pause" && depth++ === 0) from = at;
    if (type === "resume" && --depth === 0) spans.push({ from, to: at });
  }
  return depth > 0 ? [...spans, { from, to: Number.MAX_SAFE_INTEGER }] : spans;
}

/** What is over when the next begins, shortly after it, is one: whoever wakes up needs a moment. */
function unite(spans: readonly Span[]): Span[] {
  const united: Span[] = [];
  for (const { from, to } of spans) {
    const last = united.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else united.push({ from, to });
  }
  return united;
}
