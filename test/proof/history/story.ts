import {
  type BatchEvent,
  type CallEvent,
  type EndEvent,
  type History,
  type HistoryEvent,
  isClaimed,
  type ManyEvent,
  type OutcomesEvent,
  type RefusedEvent,
  type ResultEvent,
  type SendEvent,
  type StartEvent,
  type StoreEvent,
  type ThrowEvent,
} from "./events.ts";

/** One run of `fn`. */
export interface Run {
  call: Call;
  start: StartEvent;
  end?: EndEvent;
  thrown?: ThrowEvent;
  /** When its signal aborted. */
  lostAt?: number;
}

/** One call, from its beginning to its answer. */
export interface Call extends CallEvent {
  run?: Run;
  result?: ResultEvent;
  refused?: RefusedEvent;
  abortedAt?: number;
}

/** Runs that have the same key for their provider, in the order of their attempts. */
export interface Window {
  key: string;
  runs: Run[];
}

/** A history as the promises speak of it. */
export interface Story {
  calls: Call[];
  windows: Window[];
  manies: ManyEvent[];
  batches: BatchEvent[];
  outcomes: OutcomesEvent[];
  /** What the stores did, by key. */
  stores: Map<string, StoreEvent[]>;
  sends: SendEvent[];
  resolved: { key: string; at: number; value: unknown }[];
  left: number;
  /** How much later than at its end a window may be over, where clocks that are apart decide. */
  lateMs: number;
  endsAt: number;
  /** Whether a process was dead or stopped, for longer than that, at some time of a span. */
  away(process: string, from: number, to: number, longerThanMs?: number): boolean;
  crashedAt(process: string): number;
  /** By how much the wall clock of a process was set ahead in a span. */
  leapt(process: string, from: number, to: number): number;
}

export const NEVER = Number.POSITIVE_INFINITY;

/** Puts the events of a history together to calls, runs and windows. */
export function tell(history: History): Story {
  const calls = gatherCalls(history);
  const stores = new Map<string, StoreEvent[]>();
  for (const event of ofType(history, "store")) append(stores, event.key, event);
  const absences = gatherAbsences(history);
  return {
    calls,
    windows: gatherWindows(calls, stores),
    manies: ofType(history, "many"),
    batches: ofType(history, "batch"),
    outcomes: ofType(history, "outcomes"),
    stores,
    sends: ofType(history, "send"),
    resolved: ofType(history, "resolve"),
    left: ofType(history, "left").reduce((sum, { records }) => sum + records, 0),
    lateMs: ofType(history, "store").reduce((most, { skewMs = 0 }) => Math.max(most, 2 * skewMs), 0),
    endsAt: history.at(-1)?.at ?? 0,
    away: (process, from, to, longerThanMs = 0) =>
      (absences.get(process) ?? []).some(
        absence => absence.from <= to && from <= absence.to && absence.to - absence.from >= longerThanMs,
      ),
    crashedAt: process => absences.get(process)?.find(({ to }) => to === NEVER)?.from ?? NEVER,
    leapt: (process, from, to) =>
      ofType(history, "clock")
        .filter(clock => clock.process === process && from <= clock.at && clock.at <= to)
        .reduce((sum, { byMs }) => sum + Math.max(0, byMs), 0),
  };
}

export function ofType<T extends HistoryEvent["type"]>(history: History, type: T) {
  return history.filter((event): event is Extract<HistoryEvent, { type: T }> => event.type === type);
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function gatherCalls(history: History): Call[] {
  const calls = new Map<string, Call>();
  for (const event of history) {
    if (event.type === "call") calls.set(event.call, { ...event });
    else if ("call" in event) note(calls.get(event.call), event);
  }
  return [...calls.values()];
}

function note(call: Call | undefined, event: HistoryEvent): void {
  if (call === undefined) return;
  if (event.type === "start") call.run = { call, start: event };
  if (event.type === "end") call.run!.end = event;
  if (event.type === "throw") call.run!.thrown = event;
  if (event.type === "lost") call.run!.lostAt ??= event.at;
  if (event.type === "abort") call.abortedAt = event.at;
  if (event.type === "result") call.result = event;
  if (event.type === "refused") call.refused = event;
}

function gatherWindows(calls: readonly Call[], stores: Story["stores"]): Window[] {
  const windows = new Map<string, Run[]>();
  for (const { key, run } of calls) {
    if (run) append(windows, `${key}\n${run.start.idempotencyKey}`, run);
  }
  const gathered = [...windows.values()]
    .flatMap(runs => split(runs, stores))
    .map(runs => ({
      key: runs[0]!.start.key,
      runs: runs.sort((a, b) => a.start.attempt - b.start.attempt || a.start.at - b.start.at),
    }));
  return gathered.sort((a, b) => firstStart(a) - firstStart(b));
}

/** A call that asks again when its first window has come and gone, taken over by others, begins another by its token. */
function split(runs: readonly Run[], stores: Story["stores"]): Run[][] {
  const windows: Run[][] = [];
  for (const run of [...runs].sort((a, b) => a.start.at - b.start.at)) {
    const last = windows.at(-1);
    if (last === undefined || isPast(last, run.start) || isBegunAnew(last, run, stores)) windows.push([run]);
    else last.push(run);
  }
  return windows;
}

const isPast = (window: readonly Run[], { attempt, at }: StartEvent) =>
  attempt === 1 && window.every(run => finishedAt(run) + run.call.ttlMs <= at);

/**
 * Where it had run by that token before, and goes on with that run, another may be the first to run after it. Each claim
 * of a window has its own attempt, so an attempt that another claim had before tells that a window lies between them.
 */
function isBegunAnew(window: readonly Run[], { start }: Run, stores: Story["stores"]): boolean {
  const claims = (stores.get(start.key) ?? []).flatMap(({ answer, ...claim }) =>
    isClaimed(answer) ? [{ ...claim, ...answer }] : [],
  );
  const own = claims.findLast(
    ({ process, attempt, at }) => process === start.process && attempt === start.attempt && at <= start.at,
  );
  const ofWindow = claims.filter(({ runId, at }) => runId === own?.runId && at <= start.at);
  return ofWindow.some(
    ({ attempt, token, sent }, index) =>
      ofWindow
        .slice(0, index)
        .some(taken => taken.token !== token && taken.attempt >= attempt && taken.at <= sent) &&
      window.every(run => run.start.at < sent),
  );
}

export const firstStart = ({ runs }: Window): number => Math.min(...runs.map(({ start }) => start.at));

function gatherAbsences(history: History): Map<string, { from: number; to: number }[]> {
  const absences = new Map<string, { from: number; to: number }[]>();
  for (const { type, process, at } of history) {
    if (type === "crash" || type === "pause") append(absences, process, { from: at, to: NEVER });
    if (type === "resume") absences.get(process)!.at(-1)!.to = at;
  }
  return absences;
}

/** Two fingerprints differ only where both are given. */
export const differ = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;

/** The first moment from which it is known whether the run of a call goes on; never, where it just stopped. */
export const finishedAt = ({ end, thrown }: Run): number => end?.at ?? thrown?.at ?? NEVER;
