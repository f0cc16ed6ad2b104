import { close, type Lane, mark, newLane, newStrand, open, type Strand } from "./lane.ts";
import type { TraceEntry } from "./trace.ts";

type KeyEntry = Extract<TraceEntry, { type: "key" }>;

const KEY_LABELS = {
  "in-progress": "in progress",
  uncertain: "uncertain",
  completed: "completed",
  released: "released",
} as const;

/** The store itself, where it cannot be reached for a while. */
export function storeLanes(trace: readonly TraceEntry[], now: number): Lane[] {
  const lane = newLane("store", "Store");
  const strand = newStrand(lane, []);
  for (const { type, at } of trace) {
    if (type === "store-lost") open(lane, strand, at, now, "refused", "out of reach");
    if (type === "store-back") close(strand, at);
  }
  return lane.bars.length > 0 ? [lane] : [];
}

/** What the store has of each key: its lease while it is in progress, its window afterwards. */
export function keyLanes(trace: readonly TraceEntry[], now: number): Lane[] {
  const entries = trace.filter((entry): entry is KeyEntry => entry.type === "key");
  const keys = [...new Set(entries.map(({ key }) => key))];
  return keys.map(key => {
    const lane = newLane(`key-${key}`, keyLabel(key, keys));
    for (const entry of entries) if (entry.key === key) drawState(lane, entry, now);
    return lane;
  });
}

function drawState(lane: Lane, { at, state, leaseEnd, expiry }: KeyEntry, now: number): void {
  const last = lane.bars.at(-1);
  const to = leaseEnd ?? expiry ?? now;
  if (last?.kind === state) {
    if (last.to !== to) mark(lane, at, "renewed", "renewed");
    last.to = to;
    return;
  }
  if (last) Object.assign(last, { to: Math.min(last.to, at), isOpen: false });
  if (state === "absent") return;
  lane.bars.push({ from: at, to, kind: state, label: KEY_LABELS[state], row: 0, isOpen: true });
}

const LONGEST_LABEL = 8;

/** A key's lane is named by what sets the key apart. */
function keyLabel(key: string, keys: readonly string[]): string {
  if (keys.length === 1) return "Key";
  let same = 0;
  while (same < key.length && keys.every(other => other[same] === key[same])) same++;
  const own = key.slice(same).replace(/\W+$/, "");
  return `Key ${own.length > LONGEST_LABEL ? `${own.slice(0, LONGEST_LABEL - 1)}…` : own}`;
}

const ARRIVALS = { arrived: "accepted", recognised: "known key" } as const;

/** What the provider gets and what it makes of it: a strand for each request. */
export function providerLane(trace: readonly TraceEntry[], now: number): Lane {
  const lane = newLane("provider", "Provider");
  const strands = new Map<number, Strand>();
  const senders = new Map<number, string>();
  const together = new Map<string, number>();

  for (const entry of trace) {
    const { at } = entry;
    switch (entry.type) {
      case "requested": {
        const strand = newStrand(lane, strands.values());
        strands.set(entry.request, strand);
        senders.set(entry.request, entry.worker);
        open(lane, strand, at, now, "request", `from ${entry.worker}`);
        break;
      }
      case "arrived":
      case "recognised": {
        const { type, request } = entry;
        const count = (together.get(`${type} ${request}`) ?? 0) + 1;
        together.set(`${type} ${request}`, count);
        // The emails of one batch arrive as one.
        if (count === 1) mark(lane, at, type, ARRIVALS[type], strands.get(request)?.row);
        else lane.marks.at(-1)!.label = `${count} ${ARRIVALS[type]}`;
        break;
      }
      case "answered":
        close(strands.get(entry.request)!, at);
        break;
      case "killed":
        for (const [request, strand] of strands) {
          if (senders.get(request) === entry.worker) close(strand, at);
        }
    }
  }
  return lane;
}
