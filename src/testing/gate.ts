/**
 * A point where calls wait until the test lets them through. It forces an interleaving instead of hoping for it.
 */
export interface Gate {
  /** Resolves once somebody waits at the gate. */
  readonly reached: Promise<void>;
  /** Waits until the gate is open. */
  pass(): Promise<void>;
  /** Lets all waiting and all later calls through. */
  open(): void;
}

/**
 * Returns a closed {@link Gate}.
 *
 * @example
 * ```ts
 * import { withIdempotency } from "with-idempotency";
 * import { gate } from "with-idempotency/testing";
 *
 * const { reached, pass, open } = gate();
 * const first = withIdempotency("order-50", "1h", () => pass().then(() => "sent"));
 * await reached; // `fn` runs now
 * const second = withIdempotency("order-50", "1h", () => "never runs");
 * open();
 * console.log(await first, await second); // → sent sent
 * ```
 */
export function gate(): Gate {
  const reached = signal();
  const opened = signal();
  const pass = () => {
    reached.give();
    return opened.given;
  };
  return { reached: reached.given, pass, open: opened.give };
}

/** A promise, and what resolves it. */
export function signal(): { given: Promise<void>; give: () => void } {
  let give = () => {};
  const given = new Promise<void>(resolve => {
    give = resolve;
  });
  return { given, give };
}
