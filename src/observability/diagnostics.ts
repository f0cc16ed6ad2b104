import { type Channel, channel } from "node:diagnostics_channel";
import type { IdempotencyEvent, IdempotencyListener } from "../contract/events.ts";

const events: Channel = channel("with-idempotency:event");
const evictions: Channel = channel("with-idempotency:eviction");

/**
 * An `onEvent` that publishes each {@link IdempotencyEvent} on the channel `with-idempotency:event` of
 * `node:diagnostics_channel`. If nobody is subscribed when a call begins, no events are created for that call.
 *
 * @example
 * ```ts
 * import { subscribe } from "node:diagnostics_channel";
 * import { createIdempotency } from "with-idempotency";
 * import { publishEvent } from "with-idempotency/diagnostics";
 *
 * subscribe("with-idempotency:event", event => console.log((event as { type: string }).type));
 * const { withIdempotency } = createIdempotency({ onEvent: publishEvent });
 * await withIdempotency(["invoice", 7], "24h", () => "sent");
 * // → claimed
 * // → completed
 * ```
 */
export const publishEvent: IdempotencyListener = Object.defineProperty(
  (event: IdempotencyEvent) => events.publish(event),
  "hasSubscribers",
  { get: () => events.hasSubscribers },
);

/**
 * An `onEvict` for `memoryStore` that publishes `{ key }` on the channel `with-idempotency:eviction`.
 *
 * @example
 * ```ts
 * import { subscribe } from "node:diagnostics_channel";
 * import { createIdempotency, memoryStore } from "with-idempotency";
 * import { publishEviction } from "with-idempotency/diagnostics";
 *
 * subscribe("with-idempotency:eviction", eviction => console.log((eviction as { key: string }).key));
 * const store = memoryStore({ maxEntries: 1, onEvict: publishEviction });
 * const { withIdempotency } = createIdempotency({ store });
 * await withIdempotency(["invoice", 8], "24h", () => "sent");
 * await withIdempotency(["invoice", 9], "24h", () => "sent"); // → invoice:8
 * ```
 */
export function publishEviction(key: string): void {
  if (evictions.hasSubscribers) evictions.publish({ key });
}
