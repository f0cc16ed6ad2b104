import type { Side, TraceEntry, WorkerName } from "./trace.ts";

export type BarKind =
  | "claim"
  | "wait"
  | "run"
  | "settle"
  | "replay"
  | "refused"
  | "request"
  | "in-progress"
  | "uncertain"
  | "completed"
  | "released";

/** A span of time in a lane. */
export interface Bar {
  from: number;
  to: number;
  kind: BarKind;
  label: string;
  /** Which of the lane's rows it lies in, from 0. */
  row: number;
  /** Whether it goes on. */
  isOpen: boolean;
}

export type MarkKind =
  | "delivered"
  | "done"
  | "lost"
  | "failed"
  | "unheard"
  | "parked"
  | "arrived"
  | "recognised"
  | "killed"
  | "restarted"
  | "renewed"
  | "replayed";

/** A moment in a lane. */
export interface Mark {
  at: number;
  kind: MarkKind;
  label: string;
  row: number;
}

export interface Lane {
  id: string;
  label: string;
  rows: number;
  bars: Bar[];
  marks: Mark[];
}

/** The lanes of one side, with what has happened until now. */
export function layOut(trace: readonly TraceEntry[], now: number, side: Side): Lane[] {
  const own = trace.filter(entry => entry.side === side);
  const keys = side === "with" ? keyLanes(own, now) : [];
  return [
    senderLane(own),
    workerLane(own, "A", now),
    workerLane(own, "B", now),
    ...keys,
    providerLane(own, now),
  ];
}

const newLane = (id: string, label: string): Lane => ({ id, label, rows: 1, bars: [], marks: [] });

function senderLane(trace: readonly TraceEntry[]): Lane {
  const lane = newLane("sender", "Sender");
  const mark = (at: number, kind: MarkKind, label: string) => lane.marks.push({ at, kind, label, row: 0 });
  for (const entry of trace) {
    switch (entry.type) {
      case "delivered":
        mark(entry.at, "delivered", `to ${entry.worker}`);
        break;
      case "acknowledged":
        if (entry.lost) mark(entry.at, "lost", "lost");
        else mark(entry.at, "done", "done");
        break;
      case "failed":
        mark(entry.at, "failed", entry.code);
        break;
      case "unheard":
        mark(entry.at, "unheard", "no answer");
        break;
      case "parked":
        mark(entry.at, "parked", "stops");
    }
  }
  return lane;
}

/** One delivery at one worker: its bars, the last of which may be open. */
interface Handling {
  row: number;
  bar: Bar | undefined;
}

function workerLane(trace: readonly TraceEntry[], worker: WorkerName, now: number): Lane {
  const lane = newLane(`worker-${worker}`, `Worker ${worker}`);
  const handlings = new Map<number, Handling>();

  const close = (handling: Handling, at: number) => {
    if (handling.bar) Object.assign(handling.bar, { to: at, isOpen: false });
    handling.bar = undefined;
  };
  const open = (handling: Handling, at: number, kind: BarKind, label: string) => {
    close(handling, at);
    handling.bar = { from: at, to: now, kind, label, row: handling.row, isOpen: true };
    lane.bars.push(handling.bar);
  };
  /** The first row in which nothing goes on. */
  const freeRow = () => {
    const taken = new Set([...handlings.values()].filter(({ bar }) => bar).map(({ row }) => row));
    let row = 0;
    while (taken.has(row)) row++;
    lane.rows = Math.max(lane.rows, row + 1);
    return row;
  };
  const mark = (at: number, kind: MarkKind, label: string, row = 0) =>
    lane.marks.push({ at, kind, label, row });

  let running: Handling | undefined;
  for (const entry of trace) {
    if (!("worker" in entry) || entry.worker !== worker) continue;
    const { at } = entry;
    switch (entry.type) {
      case "called": {
        const handling: Handling = { row: freeRow(), bar: undefined };
        handlings.set(entry.delivery, handling);
        open(handling, at, entry.side === "with" ? "claim" : "run", entry.side === "with" ? "claim" : "send");
        running = handling;
        break;
      }
      case "event": {
        const handling = handlings.get(entry.delivery);
        if (handling) running = applyEvent(entry, handling, running);
        break;
      }
      case "answered":
        if (!running) break;
        if (entry.side === "with") open(running, at, "settle", "settle");
        else close(running, at);
        break;
      case "killed":
        for (const handling of handlings.values()) close(handling, at);
        mark(at, "killed", "killed");
        break;
      case "restarted":
        mark(at, "restarted", "restarted");
    }
  }
  return lane;

  function applyEvent(
    { at, event }: Extract<TraceEntry, { type: "event" }>,
    handling: Handling,
    runs: Handling | undefined,
  ): Handling | undefined {
    switch (event.type) {
      case "claimed":
        if (handling.bar?.kind !== "run") open(handling, at, "run", `run ${event.attempt}`);
        return handling;
      case "unprotected":
        open(handling, at, "run", "run, unprotected");
        return handling;
      case "waiting":
      case "joined":
        open(handling, at, "wait", "wait");
        return runs;
      case "replayed":
        if (handling.bar?.kind === "claim") Object.assign(handling.bar, { kind: "replay", label: "replay" });
        if (handling.bar?.kind !== "run") close(handling, at);
        mark(at, "replayed", "replayed", handling.row);
        return runs;
      case "refused":
        if (handling.bar?.kind === "claim")
          Object.assign(handling.bar, { kind: "refused", label: "refused" });
        close(handling, at);
        mark(at, "failed", event.code, handling.row);
        return runs;
      case "completed":
      case "failed":
      case "shared-failure":
      case "aborted":
        close(handling, at);
        return runs;
      default:
        return runs;
    }
  }
}

const KEY_LABELS = {
  "in-progress": "in progress",
  uncertain: "uncertain",
  completed: "completed",
  released: "released",
} as const;

/** What the store has of each key: its lease while it is in progress, its window afterwards. */
function keyLanes(trace: readonly TraceEntry[], now: number): Lane[] {
  const lanes = new Map<string, Lane>();
  for (const entry of trace) {
    if (entry.type !== "key") continue;
    const { at, key, state, leaseEnd, expiry } = entry;
    const lane = lanes.get(key) ?? newLane(`key-${key}`, lanes.size === 0 ? "Key" : `Key ${lanes.size + 1}`);
    lanes.set(key, lane);
    const last = lane.bars.at(-1);
    const to = leaseEnd ?? expiry ?? now;
    if (last?.kind === state) {
      if (last.to !== to) lane.marks.push({ at, kind: "renewed", label: "renewed", row: 0 });
      last.to = to;
      continue;
    }
    if (last) Object.assign(last, { to: Math.min(last.to, at), isOpen: false });
    if (state === "absent") continue;
    lane.bars.push({ from: at, to, kind: state, label: KEY_LABELS[state], row: 0, isOpen: true });
  }
  return [...lanes.values()];
}

function providerLane(trace: readonly TraceEntry[], now: number): Lane {
  const lane = newLane("provider", "Provider");
  const open = new Map<number, Bar>();
  for (const entry of trace) {
    const { at } = entry;
    switch (entry.type) {
      case "requested": {
        const taken = new Set([...open.values()].map(({ row }) => row));
        let row = 0;
        while (taken.has(row)) row++;
        lane.rows = Math.max(lane.rows, row + 1);
        const bar: Bar = {
          from: at,
          to: now,
          kind: "request",
          label: `from ${entry.worker}`,
          row,
          isOpen: true,
        };
        open.set(entry.request, bar);
        lane.bars.push(bar);
        break;
      }
      case "arrived":
      case "recognised": {
        const row = open.get(entry.request)?.row ?? 0;
        const last = lane.marks.at(-1);
        // The emails of one batch arrive as one.
        if (last?.at === at && last.row === row && last.kind === entry.type) break;
        lane.marks.push({
          at,
          kind: entry.type,
          label: entry.type === "arrived" ? "accepted" : "known key",
          row,
        });
        break;
      }
      case "answered":
        end(entry.request, at);
        break;
      case "killed":
        for (const request of requestsOf(trace, entry.worker)) end(request, at);
    }
  }
  return lane;

  function end(request: number, at: number): void {
    const bar = open.get(request);
    if (bar) Object.assign(bar, { to: at, isOpen: false });
    open.delete(request);
  }
}

function requestsOf(trace: readonly TraceEntry[], worker: WorkerName): number[] {
  return trace.flatMap(entry =>
    entry.type === "requested" && entry.worker === worker ? [entry.request] : [],
  );
}

/** The ends of the axis' sections, in milliseconds: at most eight, at round seconds. */
export function ticksOf(extent: number): number[] {
  const step = [1, 2, 5, 10, 20, 30, 60].find(seconds => extent / (seconds * 1_000) <= 8) ?? 120;
  const count = Math.floor(extent / (step * 1_000));
  return Array.from({ length: count + 1 }, (_, index) => index * step * 1_000);
}
