import { onAbort } from "../util/on-abort.ts";
import type { Call } from "./call.ts";

/** Arranges to be woken, and returns what ends that. */
export type Subscribe = (wake: () => void) => () => void;

/** How a call waits, whatever for in turn: until when, and what it has seen meanwhile. */
export interface Wait {
  /** The run that this call has last seen another at; 0 for none. */
  seenAttempt: number;
  /** Whether a whole window has come and gone meanwhile: within one, attempts only rise. */
  hasOutwaited: boolean;
  /** Has its time count from now on at the latest. */
  begin(): void;
  /** True when woken, false when the time is over; rejects with the reason of the caller's signal when that aborts. */
  until(subscribe: Subscribe): Promise<boolean>;
  /** To be called when the call is over, however it ends. */
  end(): void;
}

/** A call's wait, whose time counts from when it first has to. Its timer holds the process open. */
export function newWait({ settings, fn }: Call): Wait {
  const { onConflict, waitMs, storeTimeoutMs, signal } = settings;
  // One that would not wait for another's run may still have to wait until it is known whether there is one.
  const limitMs = onConflict === "wait" && waitMs > 0 ? waitMs : storeTimeoutMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  let wakeUp = () => {};

  const begin = () => {
    if (timer !== undefined) return;
    if (typeof fn === "object") fn.host.leave(fn);
    timer = setTimeout(() => {
      isOver = true;
      wakeUp();
    }, limitMs);
  };

  return {
    seenAttempt: 0,
    hasOutwaited: false,
    begin,
    until(subscribe) {
      begin();
      if (isOver) return Promise.resolve(false);
      return new Promise((resolve, reject) => {
        const stop = () => {
          unsubscribe();
          forget?.();
          wakeUp = () => {};
        };
        const abort = () => {
          stop();
          reject(signal?.reason);
        };
        wakeUp = () => {
          stop();
          resolve(!isOver);
        };
        const unsubscribe = subscribe(() => wakeUp());
        const forget = signal && onAbort(signal, abort);
        if (signal?.aborted) abort();
      });
    },
    end: () => clearTimeout(timer),
  };
}

/** Notes the run that a call sees another at. */
export function noteSeen(wait: Wait, attempt: number): void {
  wait.hasOutwaited ||= attempt < wait.seenAttempt;
  wait.seenAttempt = attempt;
}

const FIRST_POLL_MS = 25;
// Twice within the shortest ttl, so that no outcome comes and goes unseen between two polls.
const LONGEST_POLL_MS = 500;
const HINT_SPREAD_MS = 5;

/**
 * Wakes when it is time to ask the store again: after a while that grows with each poll, or soon after the store's
 * hint. Both are spread at random, so that waiters do not ask in lockstep.
 */
export function nextPoll({ scope, storeKey }: Call, polls: number): Subscribe {
  const { store } = scope;
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
