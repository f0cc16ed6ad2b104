import { isDeepStrictEqual } from "node:util";
import type { Operation } from "./events.ts";
import { type Found, isResolved, of, origin, type Rule, replays, tokensOf } from "./rule.ts";
import { type Call, finishedAt, NEVER, type Run, type Story } from "./story.ts";

/** When the last write of a value ended, at the latest. */
function writtenAt({ stores }: Story, { call, end }: Run): number {
  const writes = (stores.get(call.key) ?? []).filter(
    ({ operation, process, answer, at: done }) =>
      operation === "complete" && process === call.process && answer !== false && done >= end!.at,
  );
  return Math.max(end!.at, ...writes.map(({ at: done }) => done));
}

/** A call that begins when the window is over does not get its result. */
function noReplayPastTheWindow(story: Story): Found[] {
  return replays(story).flatMap(call => {
    const run = origin(story, call);
    if (!run || isResolved(story, call) || story.away(call.process, 0, call.result!.at)) return [];
    const { ttlMs, leaseMs, storeTimeoutMs } = run.call;
    // While it is not stored it is shared as long as the lease lasts, and the last write may take its time. The first
    // one may have begun the window until the run's own caller was answered.
    const given = (run.call.result?.at ?? 0) + ttlMs;
    const shared = Math.max(given, run.end!.at + leaseMs + 2 * storeTimeoutMs);
    const stored = writtenAt(story, run) + ttlMs + story.lateMs;
    const until = call.result!.persisted ? stored : Math.max(shared, stored);
    if (call.at < until || isShared(story, call, until)) return [];
    return [of(call, `${call.call} began at ${call.at} and got a result whose window ended at ${until}`)];
  });
}

/** Whoever joins a call of its process that began in time gets what that gets, or would have got had it not left. */
const isShared = ({ calls }: Story, { key, process, result, at: began }: Call, until: number) =>
  calls.some(other => {
    if (other.key !== key || other.process !== process || other.at >= until) return false;
    // Its own fingerprint is in the way of nobody else.
    if (other.refused?.code === "KEY_REUSED") return other.refused.at >= began;
    if (other.result) return other.result.at >= began && isDeepStrictEqual(other.result.value, result!.value);
    return other.abortedAt !== undefined && other.abortedAt + other.storeTimeoutMs >= began;
  });

/** When all windows are over nothing is there any more. */
function nothingIsLeft({ left, endsAt }: Story): Found[] {
  return left > 0 ? [{ at: endsAt, message: `${left} records are left when all windows are over` }] : [];
}

/** Every call of a process that lives is answered, in bounded time but for what `fn` takes. */
function everyCallIsAnswered(story: Story): Found[] {
  return story.calls.flatMap(call => {
    const { run, waitMs, storeTimeoutMs, leaseMs } = call;
    const answered = (call.result ?? call.refused)?.at;
    if (answered === undefined) {
      return story.crashedAt(call.process) === NEVER ? [of(call, `${call.call} was never answered`)] : [];
    }
    // What an item waits for besides is told in batches.ts.
    if (call.batch !== undefined) return [];
    const isLate = (from: number, to: number, bound: number) =>
      to - from > bound + SLACK_MS && !story.away(call.process, from, to);
    const decided = run?.start.at ?? answered;
    if (isLate(call.at, decided, waitMs + leaseMs + 4 * storeTimeoutMs)) {
      const what = run ? "ran" : "was answered";
      return [of(call, `${call.call} ${what} only after ${decided - call.at} ms`)];
    }
    const finished = run ? finishedAt(run) : NEVER;
    if (run && isLate(finished, answered, operationsAfter(story, run, answered) * storeTimeoutMs))
      return [of(call, `${call.call} was answered only ${answered - finished} ms after its run`)];
    return [];
  });
}

/**
 * How many operations a run has waited for, one after the other: refused, it claims once more what has expired, and
 * settles what it has by that or by a renewal.
 */
function operationsAfter(story: Story, run: Run, answered: number): number {
  const tokens = tokensOf(story, run);
  const own = story.sends.filter(
    ({ key, token, at }) => key === run.call.key && tokens.has(token) && at < answered,
  );
  const count = (what: Operation, from: number) =>
    own.filter(({ operation, at }) => operation === what && at >= from).length;
  const finished = finishedAt(run);
  // Renewals go on beside a completion; a run that holds has none but that.
  const settled = count("complete", finished) + count("release", finished) || count("renew", finished);
  return Math.max(1, Math.min(3, settled + count("claim", run.start.at + 1)));
}

const SLACK_MS = 1_000;

/** P5, rule by rule, and that each call comes to an end. */
export const WINDOWS: readonly Rule[] = [noReplayPastTheWindow, nothingIsLeft];
export const ANSWERS: readonly Rule[] = [everyCallIsAnswered];
