import type { IdempotencyEvent } from "../contract/events.ts";
import { fingerprint } from "../contract/fingerprint.ts";
import type { Settings } from "../contract/options.ts";
import { notify } from "../util/notify.ts";

/** An event without what is the same for all events of a call. */
type EventDetails = IdempotencyEvent extends infer Event
  ? Event extends IdempotencyEvent
    ? Omit<Event, "key" | "namespace" | "durationMs" | "toJSON">
    : never
  : never;

export type Emit = (event: EventDetails) => void;

/** Reports a call's events to its listener; undefined where nobody listens, so that `emit?.(…)` costs nothing then. */
export function emitter(
  text: string,
  namespace: string | undefined,
  { onEvent, redactKeys }: Settings,
): Emit | undefined {
  if (onEvent === undefined || onEvent.hasSubscribers === false) return undefined;
  const begun = performance.now();
  const call = { key: redactKeys ? fingerprint(text) : text, ...(namespace !== undefined && { namespace }) };
  const publish = (details: EventDetails) => {
    const event: IdempotencyEvent = Object.assign(details, call, { durationMs: performance.now() - begun });
    if ("error" in event) {
      if (redactKeys) event.error = redactError(event.error);
      Object.defineProperty(event, "toJSON", { value: eventAsJson });
    }
    return onEvent(event);
  };
  return details => notify(publish, details);
}

/** An error has nothing that JSON would show, or far too much: a request, a socket, a cycle. */
function eventAsJson(this: IdempotencyEvent & { error: unknown }): object {
  const { message } = readError(this.error, ["message"]);
  return { ...this, error: { ...redactError(this.error), ...(message !== undefined && { message }) } };
}

/** What is shown of an error where keys are redacted: its message and its other properties may have the key in them. */
export function redactError(error: unknown): { name?: unknown; code?: unknown } {
  return readError(error, ["name", "code"]);
}

/** Those of an error's properties that are text or a number. Never throws. */
function readError(error: unknown, names: readonly string[]): Record<string, unknown> {
  try {
    const all = Object(error) as Record<string, unknown>;
    const pairs = names.map(name => [name, all[name]] as const);
    return Object.fromEntries(
      pairs.filter(([, value]) => typeof value === "string" || Number.isFinite(value)),
    );
  } catch {
    return {};
  }
}
