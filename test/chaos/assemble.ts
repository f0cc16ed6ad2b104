import { check } from "../history/checker.ts";
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
    violations.push(
      ...check(history).filter(violation => !isLateOnly(violation, history) && !isStored(violation, history)),
    );
  }
  const left = lines.filter(({ type }) => type === "left") as HistoryEvent[];
  violations.push(...check(left));
  return { histories, violations };
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
  const events = [...known, ...away].sort((a, b) => a.at - b.at);
  const end: HistoryEvent = { type: "note", at: endsAt, process: "driver", text: "the end" };
  return [...withUnanswered(events, unanswered(own, away, endsAt)), end];
}

const isUnanswered = (line: Line) => line.type === "store" && line.answer === undefined;

/** Bounds of an operation by the store's clock. */
const widened = (line: Line): HistoryEvent =>
  line.type === "store" ? { ...line, sent: line.sent - CLOCK_MS } : line;

/** Operations of which nobody knows whether and when they were done, from when to when they may have been. */
function unanswered(own: readonly Line[], away: readonly HistoryEvent[], endsAt: number): StoreEvent[] {
  const ends = new Map(own.flatMap(line => (line.type === "store" ? [[opOf(line), line] as const] : [])));
  return own.flatMap(line => {
    if (line.type !== "send") return [];
    const end = ends.get(opOf(line));
    if (end && !isUnanswered(end)) return [];
    const crash = away.find(({ type, process }) => type === "crash" && process === line.process);
    const known = end?.type === "store" ? end : line;
    const at = (end?.at ?? crash?.at ?? endsAt) + LANDING_MS;
    return [{ ...known, type: "store", sent: line.at, at, heard: false } satisfies StoreEvent];
  });
}

const opOf = ({ process, op }: Line) => `${process} ${op}`;

/**
 * An operation may have been done at any time of its span: before each answer that came within that stands one of
 * which nobody knows. Where it had no answer, one stands at its end too.
 */
function withUnanswered(events: readonly HistoryEvent[], lost: readonly StoreEvent[]): HistoryEvent[] {
  const stores = [...lost, ...events.filter(event => event.type === "store")];
  let isClear = true;
  let lastAt = 0;
  const told = events.flatMap((event): HistoryEvent[] => {
    if (event.type !== "store") return [event];
    const possible = stores
      .filter(({ sent, at }) => sent <= event.at && event.at < at)
      .map(each => unknown(each, event.at));
    isClear = makesClear(event) || (isClear && possible.length === 0 && lastAt <= event.sent);
    lastAt = event.at;
    // A release says nothing of the record's ttl, which is then as unknown as it was; and a completion that is true
    // again, nothing of the outcome that the first one left.
    const isAgain = event.operation === "complete" && stores.some(first => isOtherCompletion(first, event));
    const stays = isAgain || (event.operation === "release" && !isClear) ? [unknown(event, event.at)] : [];
    if (isAgain) isClear = false;
    return [...possible, event, ...stays];
  });
  return [...told, ...lost].sort((a, b) => a.at - b.at);
}

const isOtherCompletion = (first: StoreEvent, { token, at, outcome }: StoreEvent) =>
  first.operation === "complete" && first.token === token && first.sent < at && first.outcome !== outcome;

const unknown = (event: StoreEvent, at: number): StoreEvent => ({
  ...event,
  answer: undefined,
  heard: false,
  at,
});

function makesClear({ operation, answer }: StoreEvent): boolean {
  if (operation === "complete") return answer === true;
  return operation === "claim" && (answer as { status?: string } | undefined)?.status === "claimed";
}

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

/**
 * In a world with real timers a run learns that its lease has ended a little after it has. The checker's own world
 * knows no such delay.
 */
function isLateOnly({ promise, message, at }: Violation, history: readonly HistoryEvent[]): boolean {
  const call = promise === "lease" ? /^run \d+ \((\S+)\) runs on unwarned/.exec(message)?.[1] : undefined;
  if (call === undefined) return false;
  return history.some(
    event =>
      (event.type === "lost" || event.type === "end" || event.type === "throw") &&
      event.call === call &&
      event.at >= at &&
      event.at <= at + LATE_MS,
  );
}

/** What has been stored need not be shared any more: the rule for that forgets it where a repeated write was the one. */
function isStored({ message, at }: Violation, history: readonly HistoryEvent[]): boolean {
  const call = /^(\S+) did not get the result of run \d+ \(\S+\), which is yet to be stored$/.exec(
    message,
  )?.[1];
  if (call === undefined) return false;
  const began = history.find(event => event.type === "call" && event.call === call);
  return history.some(
    event =>
      event.type === "store" &&
      event.operation === "complete" &&
      event.answer === true &&
      event.process === began?.process &&
      event.at < (began?.at ?? at) &&
      event.at > at - LANDING_MS,
  );
}
