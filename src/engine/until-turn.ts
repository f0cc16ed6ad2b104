import type { ClaimResult } from "../contract/store.ts";
import { elapsedSince } from "../util/moment.ts";
import { inProgress, outcomeUnknown, requireFingerprint, requireWaiting } from "./answers.ts";
import { type Call, type Failed, throwIfAborted } from "./call.ts";
import { type Asked, type Claimed, type Completed, claim } from "./claim.ts";
import { returnClaim, undoClaim } from "./late-claim.ts";
import { noteHolder, type SharedRun } from "./shared-runs.ts";
import { storeError } from "./store-call.ts";
import { nextPoll, noteSeen, type Wait } from "./wait.ts";

type Held = Extract<ClaimResult, { status: "in-progress" | "uncertain" }>;

const LATE_CLAIMS = 2;

/** Waits, where another holds the key, until this call has it or there is a result. */
export async function untilTurn(
  call: Call,
  shared: SharedRun,
  first: Asked,
  wait: Wait,
): Promise<Asked<Claimed | Completed | Failed>> {
  let asked = first;
  let late = 0;
  for (let polls = 0; ; ) {
    const { answer, sentAt } = asked;
    if (answer.status === "completed" || answer.status === "failed") return { answer, sentAt };
    if (answer.status !== "claimed") {
      await untilNextPoll(call, shared, answer, wait, polls++);
    } else if (mayRun(call, asked) && !hasMissed(call, answer, wait)) {
      return { answer, sentAt };
    } else {
      if (!isOver(call, asked)) return decline(call, answer, wait);
      // Another may have taken over by now. If none has, the store knows its own token.
      if (++late > LATE_CLAIMS) return { answer: outlasted(call), sentAt };
    }
    asked = await claim(call);
  }
}

/** Waits while another holds the key, as far as this call would, or throws why it does not. */
async function untilNextPoll(
  call: Call,
  shared: SharedRun,
  held: Held,
  wait: Wait,
  polls: number,
): Promise<void> {
  const { status, attempt, fingerprint, retryAfterMs } = held;
  requireFingerprint(call, fingerprint);
  // P2: such a key says so, and nobody waits for a run that nobody makes.
  if (status === "uncertain") throw outcomeUnknown(call, attempt, retryAfterMs);
  if (polls === 0) call.emit?.({ type: "waiting", attempt, retryAfterMs });
  noteSeen(wait, attempt);
  noteHolder(shared, attempt, retryAfterMs, fingerprint);
  requireWaiting(call, retryAfterMs);
  if (!(await wait.until(nextPoll(call, polls)))) throw inProgress(call, retryAfterMs);
}

function outlasted(call: Call): Failed {
  const error = storeError("claim", new Error("its answers take longer than the lease"), call.key);
  return { status: "failed", error, late: undefined, waitedMs: call.settings.leaseMs, isRepeated: true };
}

/** Section 6: whether a claim may no longer be one's own before `fn` starts. */
function isOver({ settings }: Call, { sentAt }: Asked): boolean {
  return elapsedSince(sentAt) >= settings.leaseMs;
}

/** Whether the call has a claim that it can use: it is still its own, and the caller has not left. */
export function mayRun(call: Call, asked: Asked): asked is Asked<Claimed> {
  return asked.answer.status === "claimed" && !isOver(call, asked) && !call.settings.signal?.aborted;
}

/**
 * P2: whether the run that this call waited for has gone, and its window with it. Whether it had succeeded nobody knows,
 * nor when that window began.
 */
function hasMissed({ settings }: Call, { attempt }: Claimed, { seenAttempt, hasOutwaited }: Wait): boolean {
  return (hasOutwaited || attempt <= seenAttempt) && settings.onUncertain !== "rerun";
}

async function decline(call: Call, claimed: Claimed, wait: Wait): Promise<never> {
  const isNew = claimed.attempt === 1 && hasMissed(call, claimed, wait);
  await (isNew ? undoClaim : returnClaim)(call, claimed);
  throwIfAborted(call);
  throw outcomeUnknown(call, wait.seenAttempt, 0);
}
