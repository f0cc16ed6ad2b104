import type { IdempotencyEvent, IdempotencyListener } from "../../contract/events.ts";
import { errorType, snakeCase } from "./attributes.ts";
import type { Instruments } from "./instruments.ts";
import { ENDINGS } from "./observed-call.ts";
import { runListener } from "./run-listener.ts";

/** Records what becomes of each item of an `executeMany`, as of a call of its own. */
export function itemListener(instruments: Instruments): IdempotencyListener {
  const hear = runListener(instruments);
  const aborted = new Set<string>();
  return event => {
    hear(event);
    const { type, key, durationMs } = event;
    // What its run comes to is no longer the answer of an item that was aborted.
    if (!ENDINGS.includes(type) || (type !== "aborted" && aborted.has(key))) return;
    if (type === "aborted") aborted.add(key);
    instruments.endCall(durationMs, { "idempotency.outcome": snakeCase(type), ...failureOf(event) });
  };
}

function failureOf(event: IdempotencyEvent): { "error.type"?: string } {
  if (event.type === "refused") return { "error.type": event.code };
  return "error" in event ? { "error.type": errorType(event.error) } : {};
}
