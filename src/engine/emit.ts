import type { IdempotencyEvent } from "../contract/events.ts";
import { fingerprint } from "../contract/fingerprint.ts";
import type { Settings } from "../contract/options.ts";
import { notify } from "../util/notify.ts";

/** An event without what is the same for all events of a call. */
type EventDetails = IdempotencyEvent extends infer Event
  ? Event extends IdempotencyEvent
    ? Omit<Event, "key" | "durationMs">
    : never
  : never;

export type Emit = (event: EventDetails) => void;

/** Tells a call's listener of its events; undefined where nobody listens, so that `emit?.(…)` costs nothing then. */
export function emitter(text: string, { onEvent, redactKeys }: Settings): Emit | undefined {
  if (onEvent === undefined || onEvent.hasSubscribers === false) return undefined;
  const begun = performance.now();
  const key = redactKeys ? fingerprint(text) : text;
  const tell = (details: EventDetails) => {
    const event: IdempotencyEvent = Object.assign(details, { key, durationMs: performance.now() - begun });
    if (redactKeys && "error" in event) event.error = redactError(event.error);
    return onEvent(event);
  };
  return details => notify(tell, details);
}

/** What is told of an error where keys are redacted: its message and its other properties may have the key in them. */
export function redactError(error: unknown): { name?: unknown; code?: unknown } {
  try {
    const { name, code } = Object(error);
    return { name, code };
  } catch {
    return {};
  }
}
