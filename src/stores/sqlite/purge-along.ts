const LEAST = 100;

/** S10: records past their time are removed along with claims, where no timer outlives the request that set it. */
export interface PurgeAlong {
  /** How many records a claim of so many keys should remove now, at most; 0 while none is due. */
  due(claims: number): number;
  /** Has the next claim go on where more may be left. */
  removed(count: number, limit: number): void;
}

/** Makes a {@link PurgeAlong}. It is due at once: an isolate may live for one claim only. */
export function purgeAlong(everyMs: number): PurgeAlong {
  let next = 0;
  return {
    due(claims) {
      const now = Date.now();
      if (now < next) return 0;
      // Before it is done: should it fail, the claim is tried again without it.
      next = now + everyMs;
      return Math.max(LEAST, 2 * claims);
    },
    removed(count, limit) {
      if (count >= limit) next = 0;
    },
  };
}
