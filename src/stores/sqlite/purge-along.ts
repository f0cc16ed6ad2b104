const LEAST = 100;

/** S10: records past their time are removed along with claims, where no timer outlives the request that set it. */
export interface PurgeAlong {
  /** How many records a claim of so many keys should remove now, at most; 0 while none is due. */
  due(claims: number): number;
  /** Has the next claim go on where more may be left. */
  removed(count: number, limit: number): void;
}

// By database and table, since a Worker may make a store for each request.
const nextTimes = /* @__PURE__ */ new WeakMap<object, Map<string, number>>();

/** Makes a {@link PurgeAlong} of a table. The first is due at once: an isolate may live for one claim only. */
export function purgeAlong(database: object, table: string, everyMs: number): PurgeAlong {
  const times = nextTimes.get(database) ?? new Map<string, number>();
  nextTimes.set(database, times);
  return {
    due(claims) {
      const now = Date.now();
      const waitMs = (times.get(table) ?? 0) - now;
      // Longer than it was set for: the clock was set back.
      if (waitMs > 0 && waitMs <= everyMs) return 0;
      // Before it is done: should it fail, the claim is tried again without it.
      times.set(table, now + everyMs);
      return Math.max(LEAST, 2 * claims);
    },
    removed(count, limit) {
      if (count >= limit) times.delete(table);
    },
  };
}
