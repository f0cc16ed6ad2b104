import { reasonOf } from "../../util/describe.ts";
import { detached } from "../../util/detached.ts";
import { notify } from "../../util/notify.ts";
import { backgroundTimer, weakly } from "../../util/timers.ts";
import type { StoreWarning } from "../shared/warning.ts";

/** A store that can remove records past their time. */
export interface Purgeable {
  purge(): Promise<number>;
}

interface Purging {
  everyMs: number;
  onWarning: (warning: StoreWarning) => void;
  /** The database's name. */
  where: string;
  /** Whether there is nothing to purge any more, as when the database was closed. */
  isOver?: () => boolean;
}

// The next purge waits at least this long for one that is not answered.
const PATIENCE_MS = 600_000;

/** S10: purges again and again, as long as somebody else has the store. */
export function purgeRegularly(store: Purgeable, purging: Purging, hasWarned = false): void {
  const { everyMs, onWarning, where, isOver } = purging;
  const kept = weakly(store);
  const ring = async () => {
    const alive = kept.deref();
    if (alive === undefined || isOver?.()) return;
    const patienceMs = Math.max(everyMs, PATIENCE_MS);
    const failure = await failureOf(alive.purge(), patienceMs);
    // Once for as long as it goes on.
    if (failure !== undefined && !hasWarned && !isOver?.())
      notify(onWarning, purgeFailed(where, failure.error));
    purgeRegularly(alive, purging, failure !== undefined);
  };
  // At random, so that processes which started together take turns; and in no call's context.
  detached(() => backgroundTimer(() => void ring(), everyMs * (0.75 + Math.random() / 4)));
}

/** What a purge failed with, or that it got no answer within that time, which does not keep the process alive. */
function failureOf(purge: Promise<unknown>, patienceMs: number): Promise<{ error: unknown } | undefined> {
  return new Promise(resolve => {
    const error = new Error(`no answer within ${patienceMs} ms`);
    const timer = backgroundTimer(() => resolve({ error }), patienceMs);
    const end = (failure?: { error: unknown }) => {
      clearTimeout(timer);
      resolve(failure);
    };
    purge.then(
      () => end(),
      error => end({ error }),
    );
  });
}

function purgeFailed(where: string, error: unknown): StoreWarning {
  const why = reasonOf(error);
  return {
    code: "PURGE_FAILED",
    message: `Expired records could not be removed from ${where}; the store will try again: ${why}`,
  };
}
