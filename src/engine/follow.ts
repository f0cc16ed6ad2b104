import { inProgress, requireFingerprint, requireWaiting } from "./answers.ts";
import type { Call } from "./call.ts";
import { isSilent, LEFT, type SharedEnd, type SharedRun, watchRun } from "./shared-runs.ts";
import { noteSeen, type Wait } from "./wait.ts";

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
