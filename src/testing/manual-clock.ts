/** A clock that stands still until you move it. */
export interface ManualClock {
  /**
   * Returns the time in milliseconds since 1970. It does not use `this`, so you can pass it on:
   * `{ clock: clock.now }`.
   */
  readonly now: () => number;
  /** Moves the clock by that many milliseconds. */
  readonly advance: (ms: number) => void;
  /** Sets the clock, also backwards, because a server's clock may jump. */
  readonly set: (ms: number) => void;
}

/**
 * Returns a clock for testing expiry without waiting.
 *
 * @example
 * ```ts
 * import { createIdempotency, memoryStore } from "with-idempotency";
 * import { manualClock } from "with-idempotency/testing";
 *
 * const clock = manualClock();
 * const { withIdempotency } = createIdempotency({ store: memoryStore({ clock: clock.now }) });
 * let sent = 0;
 * await withIdempotency("order-42", "1m", () => ++sent);
 * clock.advance(60_000); // a minute later, the key is forgotten
 * console.log(await withIdempotency("order-42", "1m", () => ++sent)); // → 2
 * ```
 *
 * @param startMs The time that it shows first; the start of 2026 by default.
 */
export function manualClock(startMs: number = Date.UTC(2026, 0, 1)): ManualClock {
  let time = startMs;
  return {
    now: () => time,
    advance: ms => {
      time += ms;
    },
    set: ms => {
      time = ms;
    },
  };
}
