import { detached } from "./detached.ts";

/** On Cloudflare's workerd a timer ends with the request that set it, and with it all that waits for it. */
export const timersEndWithRequest = /* @__PURE__ */ (() =>
  globalThis.navigator?.userAgent === "Cloudflare-Workers")();

/** A timer that does not keep the process alive. */
export function backgroundTimer(ring: () => void, delayMs: number): ReturnType<typeof setTimeout> {
  return letGo(setTimeout(ring, delayMs));
}

function letGo(timer: ReturnType<typeof setTimeout>): ReturnType<typeof setTimeout> {
  // A browser's timer is a number, and holds nothing open.
  if (typeof timer === "object") timer.unref();
  return timer;
}

type SetTimeout = typeof setTimeout;

/** Whether it is a test's: of sinon's, jest's, vitest's or Bun's fake timers, a mock, or one of node:test's. */
export function isFake(timer: (...args: never[]) => unknown): boolean {
  return "clock" in timer || "_isMockFunction" in timer || timer.name.startsWith("bound ");
}

const realOr = (known: SetTimeout | undefined): SetTimeout | undefined =>
  known ?? (isFake(globalThis.setTimeout) ? undefined : globalThis.setTimeout);

// Taken before a test can put another in its place. If a test did so before this module was loaded, the first real one.
let real = /* @__PURE__ */ realOr(undefined);

/**
 * Rings after that many milliseconds of real time, whatever a test has made of the timers: a clean-up among a test's
 * fake timers would be run by it, and move its clock. Does not keep the process alive, rings in the asynchronous
 * context of nobody's call, and holds nothing but `ring`. False where there is no real timer: then nothing rings.
 */
export function realTimer(ring: () => void, delayMs: number): boolean {
  real = realOr(real);
  const set = real;
  if (set === undefined || timersEndWithRequest) return false;
  detached(() => letGo(set(ring, delayMs)));
  return true;
}

/**
 * Holds what a timer is for, but does not keep it from being collected. Cloudflare's workerd has `WeakRef` only from
 * the compatibility date of 2025-05-05 on, and ends its timers with their request, so that nothing lives on by them
 * there. (A function of its own: a closure beside the timer's would keep the target.)
 */
export function weakly<T extends object>(target: T): { deref(): T | undefined } {
  return typeof WeakRef === "function" ? new WeakRef(target) : { deref: () => target };
}
