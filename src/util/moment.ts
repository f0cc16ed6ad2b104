/** A point in time by both of this machine's clocks. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/** Now, by both clocks. */
export function moment(): Moment {
  return { monotonic: performance.now(), wall: Date.now() };
}

/**
 * How many milliseconds have passed since, by the larger of what the clocks say: the monotonic one stands still while
 * a machine is suspended, and the wall clock may be set back (section 6).
 */
export function elapsedSince({ monotonic, wall }: Moment): number {
  return Math.max(performance.now() - monotonic, Date.now() - wall);
}
