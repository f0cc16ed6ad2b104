/** A timer that does not keep the process alive. */
export function backgroundTimer(ring: () => void, delayMs: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(ring, delayMs);
  // A browser's timer is a number, and holds nothing open.
  if (typeof timer === "object") timer.unref();
  return timer;
}
