import type { Duration } from "../../contract/duration.ts";
import type { Idempotency, KeyEntry } from "../../contract/idempotency.ts";
import { reasonOf } from "../../util/describe.ts";
import { detached } from "../../util/detached.ts";
import { notify } from "../../util/notify.ts";
import { onAbort } from "../../util/on-abort.ts";
import { backgroundTimer, realTimer } from "../../util/timers.ts";
import { warnProcess } from "../../util/warn-process.ts";
import { type ReconcileOptions, readPass } from "./options.ts";
import { onePass } from "./reconcile.ts";

/** The options of {@link startReconciler}. */
export interface ReconcilerOptions extends ReconcileOptions {
  /** The pause between two passes: 1 second to 24 hours, up to a quarter more or less at random. */
  every: Duration;
  /** When it aborts, no more passes begin, and the current pass ends as {@link reconcile} does. */
  signal?: AbortSignal | undefined;
  /**
   * Called when an entry fails or, without an entry, when the listing fails. The loop continues in either case.
   * @default a process warning of type `IdempotencyWarning`, once until a pass succeeds
   */
  onError?: ((error: unknown, entry: KeyEntry | undefined) => void) | undefined;
}

/** A running reconciler, as {@link startReconciler} returns it. */
export interface Reconciler {
  /**
   * Starts nothing more, and waits for running calls of `find`. To abort those, use the `signal` of the options.
   */
  stop(): Promise<void>;
}

/**
 * Calls {@link reconcile} again and again. The first pass begins at a random time within `every`, so machines that
 * start together do not all look at once (which would do no harm). The loop continues after errors, including
 * those of the store. Its timer does not keep the process alive and runs in real time even under fake timers. On
 * Cloudflare Workers, timers end with the request, so call `reconcile` from a scheduled handler instead.
 *
 * @param idempotency bound to the store and the namespace whose keys you want to settle
 * @throws InvalidOptionError `INVALID_OPTION`, also where the store cannot list; InvalidDurationError
 * `INVALID_DURATION`, `DURATION_OUT_OF_RANGE`
 *
 * @example
 * ```ts
 * import { createIdempotency } from "with-idempotency";
 * import { startReconciler } from "with-idempotency/reconcile";
 *
 * const emails = createIdempotency({ namespace: "emails" });
 * // `undefined`: the provider does not know yet, so the key is left alone.
 * const find = async () => undefined;
 * const reconciler = startReconciler(emails, { every: "1m", ttl: "24h", find, onError: console.error });
 * await reconciler.stop(); // when the process shuts down
 * ```
 */
export function startReconciler(idempotency: Idempotency, options: ReconcilerOptions): Reconciler {
  const pass = readPass(idempotency, options, true);
  // A store that cannot list says so now, and not at the first pass.
  void idempotency.list({ olderThan: pass.olderThan });
  const warn = warnOnce();
  const { onError = warn } = pass;
  const run = async (isStopped: () => boolean) => {
    let isFine = true;
    const report = (error: unknown, entry: KeyEntry | undefined) => {
      isFine = false;
      notify(() => onError(error, entry), undefined);
    };
    try {
      await onePass(idempotency, { ...pass, onError: report }, isStopped);
    } catch (error) {
      if (!pass.signal?.aborted) report(error, undefined);
    }
    if (isFine) warn.reset();
  };
  return startLoop(run, pass.everyMs as number, pass.signal);
}

type SetTimer = (ring: () => void, delayMs: number) => void;

/** In nobody's call's context; where no real timer is to be had, by what there is. */
const setRealTimer: SetTimer = (ring, delayMs) => {
  if (!realTimer(ring, delayMs)) detached(() => backgroundTimer(ring, delayMs));
};

/** Runs again and again, never twice at once. `run` may not reject. */
export function startLoop(
  run: (isStopped: () => boolean) => Promise<void>,
  everyMs: number,
  signal: AbortSignal | undefined,
  setTimer: SetTimer = setRealTimer,
): Reconciler {
  // A timer that is set may ring a day after `stop`: it holds this, and nothing of the caller's.
  const loop: { run: typeof run | undefined; underWay: Promise<void> } = { run, underWay: Promise.resolve() };
  const isStopped = () => loop.run === undefined;
  const stopped = () => {
    loop.run = undefined;
  };
  const next = () => setTimer(() => ring(loop, isStopped, next), everyMs * (0.75 + Math.random() / 2));
  if (signal?.aborted) stopped();
  else setTimer(() => ring(loop, isStopped, next), everyMs * Math.random());
  const forgetSignal = signal && onAbort(signal, stopped);
  return {
    async stop() {
      forgetSignal?.();
      stopped();
      await loop.underWay;
    },
  };
}

function ring(
  loop: { run: ((isStopped: () => boolean) => Promise<void>) | undefined; underWay: Promise<void> },
  isStopped: () => boolean,
  next: () => void,
): void {
  if (loop.run === undefined) return;
  loop.underWay = loop.run(isStopped).then(() => {
    if (!isStopped()) next();
  });
}

/** A process warning at the first error and again after a `reset`. */
function warnOnce() {
  let hasWarned = false;
  const warn = (error: unknown, entry: KeyEntry | undefined) => {
    if (hasWarned) return;
    hasWarned = true;
    const what = entry === undefined ? "The keys could not be listed" : "A key could not be settled";
    const message = `${what}, and will be looked at again: ${reasonOf(error)}`;
    warnProcess({ code: "RECONCILE_FAILED", message });
  };
  return Object.assign(warn, {
    reset() {
      hasWarned = false;
    },
  });
}
