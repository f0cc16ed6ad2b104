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

/** A span of time in a lane. Times are in milliseconds since the simulation began. */
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

export const newLane = (id: string, label: string): Lane => ({ id, label, rows: 1, bars: [], marks: [] });

export function mark(lane: Lane, at: number, kind: MarkKind, label: string, row = 0): void {
  lane.marks.push({ at, kind, label, row });
}

/** What goes on in a lane beside other things, each in a row of its own. */
export interface Strand {
  readonly row: number;
  /** What it is at now. */
  bar: Bar | undefined;
}

/** Begins a strand in the first row in which nothing goes on. */
export function newStrand(lane: Lane, strands: Iterable<Strand>): Strand {
  const taken = new Set([...strands].filter(({ bar }) => bar).map(({ row }) => row));
  let row = 0;
  while (taken.has(row)) row++;
  lane.rows = Math.max(lane.rows, row + 1);
  return { row, bar: undefined };
}

/** Ends what a strand is at. */
export function close(strand: Strand, at: number): void {
  if (strand.bar) Object.assign(strand.bar, { to: at, isOpen: false });
  strand.bar = undefined;
}

/** Ends what a strand is at, and begins the next. */
export function open(
  lane: Lane,
  strand: Strand,
  at: number,
  now: number,
  kind: BarKind,
  label: string,
): void {
  close(strand, at);
  strand.bar = { from: at, to: now, kind, label, row: strand.row, isOpen: true };
  lane.bars.push(strand.bar);
}
