import { groupBy } from "../group.ts";
import type { Line } from "../journal.ts";

/** What the same measure finds of any package, by effects and answers alone. */
export interface Comparison {
  calls: number;
  effects: number;
  /** Effects within the ttl of another one of the key whose fn had not failed. */
  duplicates: number;
  /** Calls that were told of success, though the run whose result they got had no effect. */
  lost: number;
  /** Calls whose fn succeeded and which got an error all the same. */
  failedAfterSuccess: number;
  refused: number;
  unanswered: number;
}

interface Send {
  at: number;
  call: string;
  ttlMs: number;
  startedAt: number;
  /** When fn threw an error that says that it failed: whoever tries again may send again. */
  failedAt: number;
}

export function compare(lines: readonly Line[]): Comparison {
  const byCall = groupBy(lines.filter(isOfCall), ({ call }) => call);
  const sends = new Map<string, Send[]>();
  const tally = {
    calls: 0,
    effects: 0,
    duplicates: 0,
    lost: 0,
    failedAfterSuccess: 0,
    refused: 0,
    unanswered: 0,
  };
  const crashed = new Set(lines.flatMap(line => (line.type === "crash" ? [line.process] : [])));
  for (const [call, events] of byCall) {
    const send = sendOf(call, events);
    if (send) sends.set(events[0]!.key, [...(sends.get(events[0]!.key) ?? []), send]);
    const has = (type: Line["type"]) => events.some(event => event.type === type);
    const isAnswered = has("result") || has("refused");
    tally.calls++;
    if (has("refused")) tally.refused++;
    if (has("refused") && has("end")) tally.failedAfterSuccess++;
    if (!isAnswered && !crashed.has(events[0]!.process)) tally.unanswered++;
  }
  const sent = [...sends.values()];
  tally.effects = sent.flat().length;
  tally.duplicates = sent.reduce((sum, ofKey) => sum + duplicatesOf(ofKey), 0);
  const senders = new Set(sent.flat().map(({ call }) => call));
  tally.lost = lines.filter(line => line.type === "result" && !senders.has(by(line.value))).length;
  return tally;
}

type OfCall = Extract<Line, { call: string }>;
const isOfCall = (line: Line): line is OfCall => "call" in line;
const by = (value: unknown) => {
  const { by: sender, unstorable } = Object(value) as { by?: string; unstorable?: string };
  return sender ?? unstorable ?? "";
};

function sendOf(call: string, events: readonly OfCall[]): Send | undefined {
  const find = <T extends OfCall["type"]>(type: T) =>
    events.find((event): event is Extract<OfCall, { type: T }> => event.type === type);
  const effect = find("effect");
  const begun = find("call");
  if (!effect || !begun) return undefined;
  const thrown = find("throw");
  const failedAt = thrown?.policy === "release" ? thrown.at : Number.POSITIVE_INFINITY;
  return { at: effect.at, call, ttlMs: begun.ttlMs, startedAt: find("start")?.at ?? effect.at, failedAt };
}

function duplicatesOf(sends: Send[]): number {
  const inOrder = sends.sort((a, b) => a.at - b.at);
  return inOrder.filter((send, index) =>
    inOrder
      .slice(0, index)
      .some(({ at, ttlMs, failedAt }) => send.at < at + ttlMs && failedAt > send.startedAt),
  ).length;
}
