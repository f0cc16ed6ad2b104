import { isClaimed, type StoreEvent } from "./events.ts";
import { mayChange } from "./known.ts";
import { at, chose, type Found, isReopened, isTakenOver, named, of, pairs, type Rule } from "./rule.ts";
import type { Story } from "./story.ts";

/** Under "reject", `fn` runs again only after a run that failed and freed the key. */
function noRunBesideAnUnknownOne(story: Story): Found[] {
  return story.windows.flatMap(({ runs }) =>
    pairs(runs)
      .filter(([a, b]) => !chose(b.call) && !isTakenOver(story, a, b) && !isReopened(story, a, b))
      .filter(([a, b]) => a.thrown?.policy !== "release" || a.thrown.at > b.start.at)
      .map(([a, b]) => at(b, `${named(b)} began though nobody knew what had become of ${named(a)}`)),
  );
}

const unknowns = ({ calls }: Story) => calls.filter(({ refused }) => refused?.code === "OUTCOME_UNKNOWN");

/** A call that reruns is never told that the outcome is unknown. */
function onlyThoseThatAskedForItAreTold(story: Story): Found[] {
  return unknowns(story)
    .filter(({ onUncertain }) => onUncertain === "rerun")
    .map(call => of(call, `${call.call} reruns, and got OUTCOME_UNKNOWN`));
}

/** OUTCOME_UNKNOWN is said only where a claim was not settled before the call. */
function unknownIsSaidWhereItIsUnknown({ stores, ...story }: Story): Found[] {
  return unknowns({ stores, ...story })
    .filter(call => {
      const events = stores.get(call.key) ?? [];
      const claims = events.filter(
        ({ operation, sent, answer }) =>
          operation === "claim" && sent <= call.refused!.at && (answer === undefined || isClaimed(answer)),
      );
      return claims.every(claim =>
        events.slice(events.indexOf(claim) + 1).some(later => later.at < call.at && ends(later, claim)),
      );
    })
    .map(call => of(call, `${call.call} got OUTCOME_UNKNOWN though every claim had been settled`));
}

/** Whether a claim was over when that was answered. Of two claims that overlap nobody knows which came first. */
function ends({ operation, answer, token, sent }: StoreEvent, claim: StoreEvent): boolean {
  if (operation === "release" || operation === "complete") return answer === true && token === claim.token;
  if (sent < claim.at) return false;
  if (operation === "claim") return isClaimed(answer) && token !== claim.token;
  return ["settle", "reopen", "forget"].includes(operation) && answer === true;
}

/** A call that hears of an uncertain key takes that for its answer, and does not ask again, unless it has run itself. */
function whoIsToldAsksNoMore({ stores, sends }: Story): Found[] {
  const events = [...stores.values()].flat();
  const runners = new Set(events.filter(({ answer }) => isClaimed(answer)).map(({ token }) => token));
  const told = events
    .filter(({ operation, answer, heard }) => operation === "claim" && heard === true && isUncertain(answer))
    .filter(({ token }) => !runners.has(token));
  // By what was sent: a copy of a request may come to the store long after its caller has the answer.
  return sends
    .filter(({ operation, key, token, at }) =>
      told.some(
        before => operation === "claim" && before.key === key && before.token === token && before.at < at,
      ),
    )
    .map(({ at, key, token }) => ({
      at,
      key,
      message: `${token} was told of an uncertain key, and asked again`,
    }));
}

const isUncertain = (answer: unknown) => (answer as { status?: unknown } | undefined)?.status === "uncertain";

/** A run that took an uncertain key over frees it by nothing: what came of the run before nobody knows still. */
function noTakeoverReleases({ stores }: Story): Found[] {
  return [...stores].flatMap(([key, events]) =>
    events
      .filter(({ operation, answer }) => operation === "release" && answer === true)
      .filter(release => isOfTakeover(release, events))
      .map(({ at, token }) => ({ at, key, message: `${token} took an uncertain key over, and released it` })),
  );
}

/** By its last claim: one that comes once more, when the first has expired or is over, may take over, or no longer. */
function isOfTakeover(release: StoreEvent, events: readonly StoreEvent[]): boolean {
  const last = events
    .slice(0, events.indexOf(release))
    .findLast(event => event.operation === "claim" && event.token === release.token && mayChange(event));
  return isClaimed(last?.answer) && last.answer.takeover;
}

/** P2, rule by rule. */
export const UNKNOWN: readonly Rule[] = [
  noRunBesideAnUnknownOne,
  onlyThoseThatAskedForItAreTold,
  unknownIsSaidWhereItIsUnknown,
  whoIsToldAsksNoMore,
  noTakeoverReleases,
];
