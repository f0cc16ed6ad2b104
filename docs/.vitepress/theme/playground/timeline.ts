import { type Lane, type MarkKind, mark, newLane } from "./lane.ts";
import { keyLanes, providerLane, storeLanes } from "./store-and-provider-lanes.ts";
import type { Side, TraceEntry } from "./trace.ts";
import { workerLane } from "./worker-lane.ts";

/** The lanes of one side, with what has happened until now. */
export function layOut(trace: readonly TraceEntry[], now: number, side: Side): Lane[] {
  const own = trace.filter(entry => entry.side === side);
  return [
    senderLane(own),
    workerLane(own, "A", now),
    workerLane(own, "B", now),
    ...storeLanes(own, now),
    ...keyLanes(own, now),
    providerLane(own, now),
  ];
}

function senderLane(trace: readonly TraceEntry[]): Lane {
  const lane = newLane("sender", "Sender");
  /** What follows at the same moment says it too. */
  const dropLast = (kind: MarkKind, at: number) => {
    const last = lane.marks.at(-1);
    if (last?.kind === kind && last.at === at) lane.marks.pop();
  };
  for (const entry of trace) {
    const { at } = entry;
    switch (entry.type) {
      case "delivered":
        dropLast("unheard", at);
        mark(lane, at, "delivered", entry.worker);
        break;
      case "acknowledged":
        if (entry.lost) mark(lane, at, "lost", "lost");
        else mark(lane, at, "done", "done");
        break;
      case "failed":
        mark(lane, at, "failed", entry.code);
        break;
      case "unheard":
        mark(lane, at, "unheard", "no answer");
        break;
      case "parked":
        dropLast("failed", at);
        mark(lane, at, "parked", "stops");
    }
  }
  return lane;
}

const STEPS_S = [1, 2, 5, 10, 20, 30, 60];
const MOST_TICKS = 8;

/** Where the axis has a number, in milliseconds: at round seconds, at most nine of them with the first. */
export function ticksOf(extentMs: number): number[] {
  const seconds = STEPS_S.find(step => extentMs / (step * 1_000) <= MOST_TICKS) ?? 120;
  const count = Math.floor(extentMs / (seconds * 1_000));
  return Array.from({ length: count + 1 }, (_, index) => index * seconds * 1_000);
}
