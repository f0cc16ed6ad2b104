import { isDeepStrictEqual } from "node:util";
import type { StoreEvent } from "./events.ts";
import { at, chosenFor, type Found, isFreed, named, of, type Rule, runsOf } from "./rule.ts";
import { type Call, finishedAt, NEVER, type Run, type Story } from "./story.ts";

/** Nothing turns a success into a failure for its caller, unless that has left. */
function aSuccessReachesItsCaller(story: Story): Found[] {
  return story.calls
    .filter(call => call.run?.end && call.abortedAt === undefined && (call.result ?? call.refused))
    .filter(
      ({ result, run }) => result?.replayed !== false || !isDeepStrictEqual(result.value, run!.end!.value),
    )
    .map(call => of(call, `fn of ${call.call} succeeded, and its caller got ${answerOf(call)}`));
}

const answerOf = ({ result, refused }: Call) =>
  result ? "another result" : (refused?.code ?? refused?.error ?? "no answer");

const unwritten = ({ windows }: Story): Run[] =>
  windows
    .flatMap(({ runs }) => runs)
    .filter(({ end, call }) => end?.storable && call.result?.persisted === false);

/** What the stores answered to a run's completions, as far as can be told: by another run of the process it is as good. */
function completions({ stores }: Story, { call, end }: Run): StoreEvent[] {
  return (stores.get(call.key) ?? []).filter(
    event => event.operation === "complete" && event.process === call.process && event.at >= end!.at,
  );
}

/** Somebody else has the key. */
const isRefused = (story: Story, run: Run) => completions(story, run).some(({ answer }) => answer === false);

/**
 * Until when a result that is not stored is shared: until it is, and as long as its lease and its window last. What a wall
 * clock is set ahead counts as time that has passed (section 6).
 */
function sharedUntil(story: Story, run: Run): number {
  const { at, process, ttlMs, result, batch } = run.call;
  const leaseMs = run.call.leaseMs - story.leapt(process, at, at + run.call.leaseMs);
  // An item's result is given out with those of its companions.
  const given = batch === undefined ? result!.at : run.end!.at;
  const stored = completions(story, run).filter(({ answer, heard }) => answer === true && heard !== false);
  return Math.min(at + leaseMs, given + ttlMs, ...stored.map(({ at }) => at));
}

/** Until the store has a result, the other calls of the process get it all the same. */
function aSuccessIsSharedUntilItIsStored(story: Story): Found[] {
  return unwritten(story).flatMap(run => {
    const { call } = run;
    if (isRefused(story, run) || chosenFor(call)) return [];
    const until = sharedUntil(story, run);
    return story.calls
      .filter(other => other.key === call.key && other.process === call.process && !chosenFor(other))
      .filter(other => other.at > call.result!.at && other.at < until)
      .filter(other => other.refused && !story.away(call.process, call.at, other.refused.at))
      .filter(({ refused }) => refused!.code !== "KEY_REUSED" && !refused!.aborted)
      .filter(other => !isFreed(story, run, other.refused!.at))
      .map(other =>
        of(other, `${other.call} did not get the result of ${named(run)}, which is yet to be stored`),
      );
  });
}

/** A completion that failed is tried again. */
function aCompletionThatFailedIsTriedAgain(story: Story): Found[] {
  return unwritten(story)
    .filter(run => !isRefused(story, run) && !chosenFor(run.call))
    .filter(({ call, end }) => !story.away(call.process, end!.at, call.result!.at + 1_000))
    .filter(({ call, end }) => {
      const tries = story.sends.filter(
        ({ operation, key, process, at: sent }) =>
          operation === "complete" && key === call.key && process === call.process && sent >= end!.at,
      );
      return tries.length < 2 && story.endsAt > call.result!.at + 1_000;
    })
    .map(run => at(run, `the result of ${named(run)} was not stored, and not tried again`));
}

/** An error of `fn` reaches its caller as it was thrown, unless that has left. */
function anErrorReachesItsCaller(story: Story): Found[] {
  return story.calls
    .filter(call => call.run?.thrown && call.abortedAt === undefined && (call.result ?? call.refused))
    .filter(({ refused, run }) => refused?.error !== run!.thrown!.error)
    .map(call => of(call, `fn of ${call.call} threw, and its caller got ${answerOf(call)}`));
}

/** Who shares a run gets its error; nobody gets one out of the blue. */
function errorsAreOnesThatSomebodyThrew(story: Story): Found[] {
  return story.calls
    .filter(({ refused }) => refused?.error !== undefined)
    .filter(({ key, process, refused, at: began }) => {
      const runs = runsOf(story, key).filter(({ thrown }) => thrown?.error === refused!.error);
      return runs.every(run => run.call.process !== process || sharedTo(run) < began);
    })
    .map(call => of(call, `${call.call} got an error of fn that no run that it could share had thrown`));
}

/** Until when a failure is shared: a batch whose reader has left goes on to its end, and is settled then. */
function sharedTo(run: Run): number {
  const { batch, refused, storeTimeoutMs } = run.call;
  const answered = refused?.at ?? NEVER;
  return batch === undefined ? answered : Math.max(answered, finishedAt(run) + 3 * storeTimeoutMs);
}

/** P3 and P4, rule by rule. */
export const SUCCESSES: readonly Rule[] = [
  aSuccessReachesItsCaller,
  aSuccessIsSharedUntilItIsStored,
  aCompletionThatFailedIsTriedAgain,
];
export const ERRORS: readonly Rule[] = [anErrorReachesItsCaller, errorsAreOnesThatSomebodyThrew];
