import { inProgress, requireFingerprint, requireWaiting } from "./answers.ts";
import type { Call } from "./call.ts";
import { isSilent, LEFT, type SharedEnd, type SharedRun, watchRun } from "./shared-runs.ts";
import { newWait, noteSeen, type Wait } from "./wait.ts";

/** Shares the run of another call of this process: answers how it ended, or that this call is to take its own turn. */
export async function follow(call: Call, shared: SharedRun, wait: Wait): Promise<SharedEnd> {
  call.emit?.({ type: "joined" });
  while (shared.end === undefined && !isSilent(shared)) {
    if (shared.attempt > 0) {
      noteSeen(wait, shared.attempt);
      requireFingerprint(call, shared.fingerprint);
      requireWaiting(call, shared.retryAfterMs);
    }
    const wasWoken = await wait.until(wake => watchRun(shared, wake));
    if (!wasWoken) throw inProgress(call, shared.retryAfterMs);
  }
  return shared.end ?? LEFT;
}

const FOR_EVER_MS = 2 ** 31 - 1;

/**
 * B3: as {@link follow}, the run of a companion in the same `executeMany`: as long as it takes, and whatever `onConflict`
 * says of the runs of others.
 */
export async function accompany(call: Call, shared: SharedRun, wait: Wait): Promise<SharedEnd> {
  const patient: Call = { ...call, settings: { ...call.settings, onConflict: "wait", waitMs: FOR_EVER_MS } };
  const own = newWait(patient);
  // Where both wait for another's run, they do so at the same time, and not one after the other.
  wait.begin();
  try {
    return await follow(patient, shared, own);
  } finally {
    own.end();
    if (own.seenAttempt > 0) noteSeen(wait, own.seenAttempt);
  }
}
