import { type Channel, channel } from "node:diagnostics_channel";
import type { IdempotencyEvent, IdempotencyListener } from "../contract/events.ts";

const events: Channel = channel("with-idempotency:event");
const evictions: Channel = channel("with-idempotency:eviction");

/**
 * An `onEvent` that publishes each {@link IdempotencyEvent} on the channel `with-idempotency:event` of
 * `node:diagnostics_channel`. A call that begins while nobody subscribes makes no event.
 */
export const publishEvent: IdempotencyListener = Object.defineProperty(
  (event: IdempotencyEvent) => events.publish(event),
  "hasSubscribers",
  { get: () => events.hasSubscribers },
);

/** An `onEvict` for `memoryStore` that publishes `{ key }` on the channel `with-idempotency:eviction`. */
export function publishEviction(key: string): void {
  if (evictions.hasSubscribers) evictions.publish({ key });
}
