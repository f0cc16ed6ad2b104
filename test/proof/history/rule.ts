import { isDeepStrictEqual } from "node:util";
import { isClaimed, type Violation } from "./events.ts";
import { type Call, NEVER, type Run, type Story } from "./story.ts";

/** What a rule finds: nothing, where the promise was kept. */
export type Found = Omit<Violation, "promise">;
export type Rule = (story: Story) => Found[];

export const at = (run: Run, message: string): Found => ({ at: run.start.at, key: run.start.key, message });
export const of = (call: Call, message: string): Found => ({
  at: (call.result ?? call.refused ?? call).at,
  key: call.key,
  message,
});
export const named = ({ call, start }: Run) => `run ${start.attempt} (${call.call})`;

/** Whoever asked for it may run beside what is unknown. */
export const chose = ({ onUncertain, onStoreError }: Call) =>
  onUncertain === "rerun" || onStoreError === "run";

export const pairs = (runs: readonly Run[]): [Run, Run][] =>
  runs.flatMap((later, index) => runs.slice(0, index).map((earlier): [Run, Run] => [earlier, later]));

export const chosenFor = ({ onStoreError }: Call) => onStoreError === "run";

/** Somebody forgot or reopened the key, or who had taken it over released it. */
export function isFreed({ stores }: Story, { call }: Run, before: number, next?: Run): boolean {
  const from = Math.min(call.at, next?.call.at ?? NEVER);
  return (stores.get(call.key) ?? []).some(
    ({ operation, answer, sent, at: done }) =>
      (operation === "forget" || operation === "release" || operation === "reopen") &&
      answer !== false &&
      sent <= before &&
      done >= from,
  );
}

export const runsOf = ({ windows }: Story, key: string): Run[] =>
  windows.filter(window => window.key === key).flatMap(({ runs }) => runs);

/** The run whose value a call got, which must have ended by then. */
export function origin(story: Story, { key, result }: Call): Run | undefined {
  return runsOf(story, key).find(
    ({ end }) => end && end.at <= result!.at && isDeepStrictEqual(end.value, result!.value),
  );
}

export const isResolved = (story: Story, { key, result }: Call) =>
  story.resolved.some(
    known => known.key === key && known.at <= result!.at && isDeepStrictEqual(known.value, result!.value),
  );

export const replays = ({ calls }: Story) => calls.filter(({ result }) => result?.replayed);

/** Whether a run's record had expired by then, and was claimed once more later: its process could not renew it meanwhile. */
export function isClaimedAnew(story: Story, run: Run, since: number): boolean {
  const tokens = tokensOf(story, run);
  return claimsOf(story, run).some(
    ({ at: done, token }) => done >= Math.max(since, run.start.at) && tokens.has(token),
  );
}

const claimsOf = ({ stores }: Story, { call }: Run) =>
  (stores.get(call.key) ?? []).filter(({ process, answer }) => process === call.process && isClaimed(answer));

/** Those by which a process had claimed the key when a run began. */
export const tokensOf = (story: Story, run: Run) =>
  new Set(
    claimsOf(story, run)
      .filter(({ sent }) => sent <= run.start.at)
      .map(({ token }) => token),
  );

/** Whether an operator has said between two runs that the first did not happen. */
export function isReopened({ stores }: Story, a: Run, b: Run): boolean {
  return (stores.get(a.call.key) ?? []).some(
    ({ operation, answer, sent, at: done }) =>
      operation === "reopen" && answer !== false && done >= a.start.at && sent <= b.start.at,
  );
}

/** Between the two came a run that was asked for whatever the first had done, and that then freed the key. */
export function isTakenOver({ stores }: Story, a: Run, b: Run): boolean {
  return (stores.get(a.call.key) ?? []).some(({ request, answer }) => {
    const { attempt } = (answer ?? {}) as { attempt?: number };
    if (!request?.rerun || !isClaimed(answer)) return false;
    return attempt! > a.start.attempt && attempt! < b.start.attempt;
  });
}
