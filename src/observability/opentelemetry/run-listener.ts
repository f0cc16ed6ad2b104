import type { IdempotencyListener } from "../../contract/events.ts";
import type { Instruments } from "./instruments.ts";

/** Records what runs come to, and which keys they leave uncertain, by the events of one call or of many items. */
export function runListener(instruments: Instruments): IdempotencyListener {
  // Keys whose result is not stored, but which are not uncertain: they are completed without it, or another call has them.
  const accountedFor = new Set<string>();
  return event => {
    instruments.count(event);
    if (event.type === "unstorable" || event.type === "lease-lost") accountedFor.add(event.key);
    if (event.type === "failed" && event.policy === "hold") instruments.countUncertain("error", event.error);
    const isEnd = event.type === "completed" || event.type === "failed";
    const isAccountedFor = isEnd && accountedFor.delete(event.key);
    if (event.type !== "completed") return;
    if (event.persisted) return;
    if (event.policy === "hold") instruments.countUncertain("result");
    if (event.policy === undefined && !isAccountedFor) instruments.countUncertain("unrecorded");
  };
}
