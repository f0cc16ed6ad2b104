import { type BarKind, close, type Lane, mark, newLane, newStrand, open, type Strand } from "./lane.ts";
import type { TraceEntry, WorkerName } from "./trace.ts";

type WorkerEntry = Extract<TraceEntry, { worker: WorkerName }>;
type EventEntry = Extract<TraceEntry, { type: "event" }>;

/** A worker's lane: a strand for each delivery, from the call to its answer. */
export function workerLane(trace: readonly TraceEntry[], worker: WorkerName, now: number): Lane {
  const lane = newLane(`worker-${worker}`, `Worker ${worker}`);
  const strands = new Map<number, Strand>();
  /** The one whose request is on its way. */
  let running: Strand | undefined;

  for (const entry of trace) {
    if (!("worker" in entry) || entry.worker !== worker) continue;
    running = draw(lane, strands, running, entry, now);
  }
  return lane;
}

function draw(
  lane: Lane,
  strands: Map<number, Strand>,
  running: Strand | undefined,
  entry: WorkerEntry,
  now: number,
): Strand | undefined {
  const { at, side } = entry;
  switch (entry.type) {
    case "called": {
      const strand = newStrand(lane, strands.values());
      strands.set(entry.delivery, strand);
      const [kind, label]: [BarKind, string] = side === "with" ? ["claim", "claim"] : ["run", "send"];
      open(lane, strand, at, now, kind, label);
      return side === "with" ? running : strand;
    }
    case "event": {
      const strand = strands.get(entry.delivery);
      return strand && drawEvent(lane, strand, entry, now) ? strand : running;
    }
    case "answered":
      if (running && side === "with") open(lane, running, at, now, "settle", "settle");
      else if (running) close(running, at);
      return running;
    case "killed":
      for (const strand of strands.values()) close(strand, at);
      mark(lane, at, "killed", "killed");
      return undefined;
    case "restarted":
      mark(lane, at, "restarted", "restarted");
      return running;
    default:
      return running;
  }
}

/** Draws what `onEvent` said. True where the strand runs from now on. */
function drawEvent(lane: Lane, strand: Strand, { at, event }: EventEntry, now: number): boolean {
  switch (event.type) {
    case "claimed":
      // The items of a batch run as one.
      if (strand.bar?.kind !== "run") open(lane, strand, at, now, "run", `run ${event.attempt}`);
      return true;
    case "unprotected":
      open(lane, strand, at, now, "run", "run, unprotected");
      return true;
    case "waiting":
    case "joined":
      open(lane, strand, at, now, "wait", "wait");
      return false;
    case "replayed":
      endClaim(strand, at, "replay");
      mark(lane, at, "replayed", "replayed", strand.row);
      return false;
    case "refused":
      endClaim(strand, at, "refused");
      mark(lane, at, "failed", event.code, strand.row);
      return false;
    case "completed":
    case "failed":
    case "shared-failure":
    case "aborted":
      close(strand, at);
      return false;
    default:
      return false;
  }
}

/** Ends a strand that does not run: a claim was what came of it. In a batch others of its items may run. */
function endClaim(strand: Strand, at: number, kind: "replay" | "refused"): void {
  if (strand.bar?.kind === "run") return;
  if (strand.bar?.kind === "claim") Object.assign(strand.bar, { kind, label: kind });
  close(strand, at);
}
