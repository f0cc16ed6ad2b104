import { onAbort } from "../util/on-abort.ts";
import type { Call } from "./call.ts";

/** Arranges to be woken, and gives back how to be forgotten. */
export type Subscribe = (wake: () => void) => () => void;

/** How long one call waits in all, whatever it waits for in turn. Its timer holds the process open. */
export class Patience {
  readonly #signal: AbortSignal | undefined;
  readonly #timer: ReturnType<typeof setTimeout>;
  #over = false;
  #wake = () => {};

  constructor(ms: number, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#timer = setTimeout(() => {
      this.#over = true;
      this.#wake();
    }, ms);
  }

  /** True when woken, false when patience is over; rejects with the signal's reason when that aborts. */
  until(subscribe: Subscribe): Promise<boolean> {
    const signal = this.#signal;
    if (this.#over) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      const stop = () => {
        unsubscribe();
        forget?.();
        this.#wake = () => {};
      };
      const abort = () => {
        stop();
        reject(signal?.reason);
      };
      this.#wake = () => {
        stop();
        resolve(!this.#over);
      };
      const unsubscribe = subscribe(() => this.#wake());
      const forget = signal && onAbort(signal, abort);
      if (signal?.aborted) abort();
    });
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

const FIRST_POLL_MS = 25;
// Twice within the shortest ttl, so that no outcome comes and goes unseen between two polls.
const LONGEST_POLL_MS = 500;
const HINT_SPREAD_MS = 5;

/**
 * Wakes when it is time to ask the store again: after a while that grows with each poll, or soon after the store's
 * hint. Both are spread at random, so that waiters do not ask in lockstep.
 */
export function nextPoll({ store, storeKey }: Call, polls: number): Subscribe {
  return wake => {
    const longest = Math.min(FIRST_POLL_MS * 1.5 ** polls, LONGEST_POLL_MS);
    let timer = setTimeout(wake, longest * (0.5 + Math.random() / 2));
    if (store.settled === undefined) return () => clearTimeout(timer);
    const watch = new AbortController();
    const hinted = () => {
      if (watch.signal.aborted) return;
      clearTimeout(timer);
      timer = setTimeout(wake, Math.random() * HINT_SPREAD_MS);
    };
    hint(() => store.settled!(storeKey, watch.signal)).then(hinted, () => {});
    return () => {
      clearTimeout(timer);
      watch.abort();
    };
  };
}

// Async, so that a hint that fails at once is no worse than one that fails later: polling goes on.
async function hint(settled: () => Promise<void>): Promise<void> {
  await settled();
}
