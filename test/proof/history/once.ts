import { isDeepStrictEqual } from "node:util";
import { isClaimed } from "./events.ts";
import {
  at,
  chose,
  chosenFor,
  type Found,
  isClaimedAnew,
  isFreed,
  isResolved,
  isTakenOver,
  named,
  of,
  origin,
  pairs,
  type Rule,
  replays,
} from "./rule.ts";
import { differ, firstStart, NEVER, type Run, type Story, type Window } from "./story.ts";

/** `fn` completes at most once, unless a later run was asked for. */
function oneSuccessInAWindow(story: Story): Found[] {
  return story.windows.flatMap(({ runs }) => {
    const succeeded = runs.filter(({ end }) => end);
    return succeeded
      .filter((run, index) => succeeded.slice(0, index).some(earlier => !isTakenOver(story, earlier, run)))
      .filter(({ call }) => !chose(call))
      .map(run => at(run, `${named(run)} succeeded though an earlier run of the window had succeeded`));
  });
}

/** Whatever was asked for, one completion at the most is recorded. */
function oneRecordedSuccessInAWindow(story: Story): Found[] {
  return story.windows.flatMap(({ runs }) => {
    const [first, ...others] = runs.filter(({ call: { result } }) => result?.persisted);
    return others
      .filter(run => !areApart(story, first!, run))
      .map(run => at(run, `${named(run)} was recorded though another run of the window was`));
  });
}

/** Whether one of two runs claimed its key once more when the result of the other was past its time. */
function areApart(story: Story, a: Run, b: Run): boolean {
  const isOver = (run: Run) => (run.end?.at ?? NEVER) + run.call.ttlMs;
  return isClaimedAnew(story, a, isOver(b)) || isClaimedAnew(story, b, isOver(a));
}

/** The time until which a run keeps its key, whatever becomes of it, as far as its caller can tell. */
function keptUntil(story: Story, run: Run, before: number): number {
  const { call, end, thrown } = run;
  if (thrown?.policy === "release" || call.onStoreError === "run") return 0;
  if (end && call.result?.persisted && !isClaimedAnew(story, run, before)) return end.at + call.ttlMs;
  const over = Math.min(end?.at ?? thrown?.at ?? NEVER, call.at + call.leaseMs);
  return over + Math.min(call.ttlMs, ...ttlsAfter(story, run, before));
}

/** Whoever takes a key over decides how long it is kept from then on, whether or not it runs. */
function ttlsAfter({ stores }: Story, { call, start }: Run, before: number): number[] {
  const claims = (stores.get(call.key) ?? []).filter(
    ({ request, answer, sent, at: done }) =>
      request?.rerun &&
      sent < before &&
      done >= start.at &&
      (answer === undefined || (isClaimed(answer) && answer.attempt > start.attempt)),
  );
  return claims.map(({ request }) => request!.ttlMs);
}

/** A window begins only when the one before is over. */
function windowsDoNotOverlap(story: Story): Found[] {
  const windows = claimedWindows(story);
  return windows.flatMap((window, index) => {
    const begins = firstStart(window);
    if (window.runs.every(({ call }) => chosenFor(call))) return [];
    return windows
      .slice(0, index)
      .filter(({ key }) => key === window.key)
      .flatMap(earlier => earlier.runs)
      .flatMap(run =>
        // A run of an earlier window may begin after this one, where its key was forgotten and then claimed once more.
        run.start.at < begins
          ? isKept(story, run, begins, window.runs[0])
            ? [overlap(window.runs[0]!, run)]
            : []
          : window.runs
              .filter(own => own.start.at < run.start.at && isKept(story, own, run.start.at, run))
              .map(own => overlap(run, own)),
      );
  });
}

/** Whether a run still keeps its key at a time at which another begins. */
const isKept = (story: Story, run: Run, at: number, next: Run | undefined) =>
  !isFreed(story, run, at, next) && keptUntil(story, run, at) > at;

/** Whoever runs without its claim begins no window, though that may land yet, and others go on from there. */
function claimedWindows(story: Story): Window[] {
  const windows = story.windows.map(({ key, runs }) => ({
    key,
    runs: runs.filter(run => isClaimedRun(story, run)),
  }));
  return windows.filter(({ runs }) => runs.length > 0).sort((a, b) => firstStart(a) - firstStart(b));
}

const isClaimedRun = ({ stores }: Story, { call, start }: Run) =>
  !chosenFor(call) ||
  (stores.get(call.key) ?? []).some(
    ({ process, sent, answer }) =>
      process === start.process && sent <= start.at && isClaimed(answer) && answer.attempt === start.attempt,
  );

function overlap(next: Run, run: Run): Found {
  // Claimed before the other, and then begun when its own window was over.
  if (next.call.at < run.start.at) return at(next, `${named(next)} began in the window after its own`);
  return at(next, `a new window began within that of ${named(run)}`);
}
/** A call that begins when the result was given gets it, and does not run, even where it would rerun. */
function noRunOnceTheResultWasGiven({ windows }: Story): Found[] {
  return windows.flatMap(({ runs }) =>
    pairs(runs)
      .filter(([a, b]) => a.call.result?.persisted && a.call.result.at < b.call.at)
      .map(([a, b]) => at(b, `${named(b)} ran though the result of ${named(a)} had been given`)),
  );
}

/** Every other call gets a result deep-equal to the first, and does not run. */
function replaysEqualTheResult(story: Story): Found[] {
  return replays(story).flatMap(call => {
    if (call.run) return [of(call, `${call.call} ran, and says that it did not`)];
    if (origin(story, call) || isResolved(story, call)) return [];
    return [of(call, `${call.call} got a value that no run of the key had returned by then`)];
  });
}

/** What is recorded in a window is one value. */
function everyReplayOfAWindowIsTheSame(story: Story): Found[] {
  return story.windows.flatMap(window => {
    const given = story.calls.filter(
      call => call.key === window.key && call.result?.persisted && window.runs.includes(origin(story, call)!),
    );
    const [first, ...others] = given;
    return others
      .filter(({ result }) => !isDeepStrictEqual(result!.value, first!.result!.value))
      .filter(call => !areApart(story, origin(story, call)!, origin(story, first!)!))
      .map(call => of(call, `${call.call} got another recorded result than ${first!.call}`));
  });
}

/** One window serves one payload. */
function fingerprintsMatch(story: Story): Found[] {
  const mixed = story.windows.flatMap(({ runs }) =>
    pairs(runs)
      .filter(([a, b]) => differ(a.call.fingerprint, b.call.fingerprint))
      .map(([a, b]) => at(b, `${named(b)} ran in the window of ${named(a)}, which has another fingerprint`)),
  );
  const replayed = replays(story)
    .filter(call => differ(origin(story, call)?.call.fingerprint, call.fingerprint))
    .map(call => of(call, `${call.call} got the result of another fingerprint`));
  const refused = story.calls
    .filter(call => call.refused?.code === "KEY_REUSED")
    .filter(
      call =>
        !story.calls.some(other => other.key === call.key && differ(other.fingerprint, call.fingerprint)),
    )
    .map(call => of(call, `${call.call} got KEY_REUSED, and nobody used another fingerprint`));
  return [...mixed, ...replayed, ...refused];
}

/** `attempt` counts the runs of a window. */
function attemptsRise({ windows }: Story): Found[] {
  return windows.flatMap(({ runs }) =>
    pairs(runs)
      .filter(([a, b]) => a.start.attempt === b.start.attempt && !chosenFor(a.call) && !chosenFor(b.call))
      .map(([a, b]) => at(b, `${named(b)} and ${named(a)} have the same attempt`)),
  );
}

/** P1, rule by rule. */
export const ONCE: readonly Rule[] = [
  oneSuccessInAWindow,
  oneRecordedSuccessInAWindow,
  windowsDoNotOverlap,
  noRunOnceTheResultWasGiven,
  replaysEqualTheResult,
  everyReplayOfAWindowIsTheSame,
  fingerprintsMatch,
  attemptsRise,
];
