import type { IdempotencyListener } from "../../contract/events.ts";
import type { Instruments } from "./instruments.ts";

/** Records what runs come to, and which keys they leave uncertain, by the events of one call or of many items. */
export function runListener(instruments: Instruments): IdempotencyListener {
  // A result of theirs that is not stored leaves a key that is completed, or another's.
  const accountedFor = new Set<string>();
  return event => {
    instruments.count(event);
    if (event.type === "unstorable" || event.type === "lease-lost") accountedFor.add(event.key);
    if (event.type === "failed" && event.policy === "hold") instruments.countUncertain("error", event.error);
    if (event.type !== "completed") return;
    const isAccountedFor = accountedFor.delete(event.key);
    if (event.persisted) return;
    if (event.policy === "hold") instruments.countUncertain("result");
    if (event.policy === undefined && !isAccountedFor) instruments.countUncertain("unrecorded");
  };
}
