/** A clock that stands still until it is moved. */
export interface ManualClock {
  /** The time in milliseconds since 1970. Needs no `this`, so that it can be handed on: `{ clock: clock.now }`. */
  readonly now: () => number;
  /** Moves the clock by that many milliseconds. */
  readonly advance: (ms: number) => void;
  /** Sets the clock, backwards too, as a server's clock may jump. */
  readonly set: (ms: number) => void;
}

/**
 * A clock for tests of expiry that do not wait.
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
 * @param startMs What it shows first; the start of 2026 unless given.
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
