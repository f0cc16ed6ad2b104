/** On Cloudflare's workerd a timer ends with the request that set it, and with it all that waits for it. */
export const timersEndWithRequest = globalThis.navigator?.userAgent === "Cloudflare-Workers";

/** A timer that does not keep the process alive. */
export function backgroundTimer(ring: () => void, delayMs: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(ring, delayMs);
  // A browser's timer is a number, and holds nothing open.
  if (typeof timer === "object") timer.unref();
  return timer;
}

/**
 * Holds what a timer is for, but does not keep it from being collected. Cloudflare's workerd has `WeakRef` only from
 * the compatibility date of 2025-05-05 on, and ends its timers with their request, so that nothing lives on by them
 * there. (A function of its own: a closure beside the timer's would keep the target.)
 */
export function weakly<T extends object>(target: T): { deref(): T | undefined } {
  return typeof WeakRef === "function" ? new WeakRef(target) : { deref: () => target };
}
