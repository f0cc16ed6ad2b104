import type { ClaimResult, StoreRecord } from "../../../src/contract/store.ts";
import type { History, StoreEvent, Violation } from "./events.ts";
import { ABSENT, type Known, learn, mayChange, SOME, type Span, UNKNOWN } from "./known.ts";
import { differ, ofType } from "./story.ts";

const isSurelyPast = (time: Span, event: StoreEvent) => event.sent >= time.to;
const isSurelyAhead = (time: Span, event: StoreEvent) => event.at < time.from;

/** What an operation is held against: the record before it, and what the clock says of that. */
interface Scene {
  event: StoreEvent;
  known: Known;
  /** Whether the record had certainly expired, or certainly not. */
  isOver: boolean;
  isLive: boolean;
  hasLapsed: boolean;
  hasLease: boolean;
  answer: ClaimResult;
}

type Clause = (scene: Scene) => string | undefined;

/** Holds what stores answered against the clauses S1–S11. What no answer tells for sure is held against nothing. */
export function checkClauses(history: History): Violation[] {
  const byKey = new Map<string, StoreEvent[]>();
  for (const event of ofType(history, "store"))
    byKey.set(event.key, [...(byKey.get(event.key) ?? []), event]);
  const evicted = new Set(ofType(history, "evicted").map(({ key }) => key));
  return [
    ...[...byKey.values()].flatMap(events => checkKey(events, evicted)),
    ...outcomesComeBackToTheLetter(history),
    ...nothingIsLeftBehind(history),
  ];
}

function checkKey(events: readonly StoreEvent[], evicted: ReadonlySet<string>): Violation[] {
  let known = ABSENT;
  const changes = (event: StoreEvent) => mayChange(event) || wasOvertaken(event, events);
  return events.flatMap(event => {
    // Of two operations at the same time nobody knows which came first. It matters where one may have changed something.
    if (events.some(other => other !== event && areAtOnce(other, event) && changes(other))) {
      if (changes(event)) known = UNKNOWN;
      return [];
    }
    const broken = known.status === "unknown" ? [] : checkOne(sceneOf(event, known), evicted.has(event.key));
    known = learn(event, known, events);
    return broken;
  });
}

/**
 * Whether a claim of several statements may have held the key, whatever it found there in the end: a release or renewal by
 * its own token, sent after it since the caller had left, did something before it was answered.
 */
const wasOvertaken = (claim: StoreEvent, events: readonly StoreEvent[]) =>
  claim.operation === "claim" &&
  events.some(
    ({ operation, token, answer, ...own }) =>
      operation !== "claim" &&
      token === claim.token &&
      answer === true &&
      claim.sent < own.sent &&
      own.at < claim.at,
  );

const areAtOnce = (a: StoreEvent, b: StoreEvent) => a.sent < b.at && b.sent < a.at;

function sceneOf(event: StoreEvent, known: Known): Scene {
  const isThere = known.status !== "absent";
  return {
    event,
    known,
    isOver: !isThere || isSurelyPast(known.expires, event),
    isLive: isThere && isSurelyAhead(known.expires, event),
    hasLapsed: isSurelyPast(known.lapses, event),
    hasLease: isSurelyAhead(known.lapses, event),
    answer: event.answer as ClaimResult,
  };
}

function checkOne(scene: Scene, isEvicted: boolean): Violation[] {
  const { event } = scene;
  if (event.answer === undefined && event.operation !== "read") return [];
  return CLAUSES.flatMap(([promise, clause]) => {
    if (promise === "S8" && isEvicted) return [];
    const why = clause(scene);
    if (why === undefined) return [];
    const message = `${event.operation} by ${event.token ?? event.process}: expected ${why}; got ${JSON.stringify(event.answer)}`;
    return [{ promise, at: event.at, key: event.key, message }];
  });
}

const CLAUSES: readonly (readonly [string, Clause])[] = [
  ["S1", exactlyOneClaims],
  ["S2", itsOwnTokenClaimsAgain],
  ["S3", expiredIsAbsent],
  ["S4", takenOverOnlyByRerun],
  ["S5", onlyTheHolderActs],
  ["S6", releaseFreesTheKey],
  ["S7", theOutcomeIsKept],
  ["S8", nothingVanishes],
  ["S11", theClaimThatWasSeen],
  ["S11", onlyWhatIsUncertainIsSettled],
];

const isClaim = ({ event }: Scene) => event.operation === "claim";
const isOwn = ({ event, known }: Scene) => event.token === known.token;
const isHeld = ({ known, isLive }: Scene) => known.status === "held" && isLive;
const isNew = ({ event, answer }: Scene) =>
  answer.status === "claimed" && answer.attempt === 1 && answer.runId === event.token;
/** Whether it is claimed as an attempt of the window that is known, so many after the last. */
const isOfWindow = ({ known: { attempt, runId }, answer }: Scene, later: number) =>
  answer.status === "claimed" &&
  (attempt === undefined || answer.attempt === attempt + later) &&
  (runId === undefined || answer.runId === runId);
/** Whether it says of itself whether it is a takeover, and says what it is not. */
const deniesThat = ({ answer }: Scene, takeover: boolean | undefined) =>
  answer.status === "claimed" && takeover === !answer.takeover && answer.takeover !== undefined;
/** Whether the operation is about another claim than the one that is there; undefined where nobody knows. */
const isStale = ({ event: { seen }, known: { runId, attempt } }: Scene): boolean | undefined => {
  if (seen === undefined) return false;
  if (runId === undefined || attempt === undefined) return undefined;
  return seen.runId !== runId || seen.attempt !== attempt;
};
const isNext = (scene: Scene) => isOfWindow(scene, 1);
/** Whether the claim's fingerprint is another than the record's; undefined where nobody knows. */
const isOther = ({ event: { request }, known: { fingerprint } }: Scene): boolean | undefined => {
  if (fingerprint !== SOME) return differ(request?.fingerprint, fingerprint);
  return request?.fingerprint === undefined ? false : undefined;
};

/** Of the claims on a free key exactly one is answered "claimed"; the others hear that it is in progress. */
function exactlyOneClaims(scene: Scene): string | undefined {
  if (!isClaim(scene)) return undefined;
  if (scene.isOver && scene.answer.status !== "claimed") return "claimed, for the key is free";
  if (scene.isOver && deniesThat(scene, false)) return "no takeover, for the key is free";
  const isTaken = isHeld(scene) && scene.hasLease && !isOwn(scene);
  return isTaken && scene.answer.status !== "in-progress"
    ? "in progress, for another holds the key"
    : undefined;
}

function itsOwnTokenClaimsAgain(scene: Scene): string | undefined {
  if (!isClaim(scene) || !isHeld(scene) || !isOwn(scene)) return undefined;
  const isSame = isOfWindow(scene, 0) && !deniesThat(scene, scene.known.takeover);
  return isSame ? undefined : "the same claim again, for the token holds the key";
}

function expiredIsAbsent(scene: Scene): string | undefined {
  if (!scene.isOver) return undefined;
  const { event, answer } = scene;
  if (event.operation === "read")
    return answer === undefined ? undefined : "nothing, for the record has expired";
  if (event.operation === "claim")
    return isNew(scene) ? undefined : "a new window, for the record has expired";
  // S11: a record that was seen is forgotten when it is gone.
  if (event.operation === "forget" && event.seen !== undefined) return undefined;
  return event.answer === true ? "false, for the record has expired" : undefined;
}

function takenOverOnlyByRerun(scene: Scene): string | undefined {
  const { event, answer } = scene;
  if (!isClaim(scene) || !isHeld(scene) || isOwn(scene)) return undefined;
  if (scene.hasLease)
    return answer.status === "uncertain" ? "no word of uncertain while the lease lasts" : undefined;
  if (!scene.hasLapsed) return undefined;
  const other = isOther(scene);
  if (event.request!.rerun === true && other === undefined) return undefined;
  if (event.request!.rerun === true && !other)
    return isNext(scene) && !deniesThat(scene, true)
      ? undefined
      : "a takeover: the next attempt of the same runId";
  return answer.status === "uncertain" ? undefined : "uncertain, for the lease has lapsed";
}

function onlyTheHolderActs(scene: Scene): string | undefined {
  const { event, known } = scene;
  if (!["renew", "complete", "release"].includes(event.operation) || !scene.isLive) return undefined;
  const isAgain = event.operation === "complete" && known.status === "completed";
  const may = isOwn(scene) && (known.status === "held" || isAgain);
  return event.answer === may
    ? undefined
    : `${may}, for the token ${may ? "holds" : "does not hold"} the key`;
}

function releaseFreesTheKey(scene: Scene): string | undefined {
  const other = isOther(scene);
  if (!isClaim(scene) || scene.known.status !== "released" || !scene.isLive) return undefined;
  if (other === undefined && isNew(scene)) return undefined;
  if (other === true) {
    return isNew(scene) ? undefined : "a new runId at attempt 1, for the fingerprint is another";
  }
  return isNext(scene) && !deniesThat(scene, false)
    ? undefined
    : "the next attempt of the same runId and no takeover, for the key was released";
}

function theOutcomeIsKept(scene: Scene): string | undefined {
  const { event, known } = scene;
  if (known.status !== "completed" || !scene.isLive) return undefined;
  const answer = event.answer as Partial<StoreRecord> | undefined;
  if (event.operation !== "claim" && event.operation !== "read") return undefined;
  const isKept =
    answer?.status === "completed" && (answer.outcome === known.outcome || known.outcome === undefined);
  return isKept ? undefined : `the outcome ${known.outcome}`;
}

/** What has not expired is not treated as absent. */
function nothingVanishes(scene: Scene): string | undefined {
  if (!scene.isLive) return undefined;
  const { event, known } = scene;
  const isReleasedToAnother = known.status === "released" && isOther(scene) !== false;
  if (isClaim(scene) && isNew(scene) && !isReleasedToAnother && !isOwn(scene))
    return "the record that is there";
  const isForgotten = event.operation === "forget" && isStale(scene) === false;
  const isGone = event.operation === "read" ? event.answer === undefined : isForgotten && !event.answer;
  return isGone ? "the record that is there" : undefined;
}

/** What is about an earlier claim does nothing to a later one. */
function theClaimThatWasSeen(scene: Scene): string | undefined {
  const { event, known } = scene;
  if (event.seen === undefined || !scene.isLive) return undefined;
  if (isStale(scene) && event.answer === true) return "false, for a later claim stands";
  const isRepeated = event.operation === "settle" && known.status === "completed" && !isStale(scene);
  const isOther = isRepeated && known.outcome !== undefined && known.outcome !== event.outcome;
  return isOther && event.answer === true ? "false, for it has another outcome" : undefined;
}

/** What an operator settles or reopens is uncertain: nobody's lease still stands. */
function onlyWhatIsUncertainIsSettled(scene: Scene): string | undefined {
  const { event } = scene;
  if (event.operation !== "settle" && event.operation !== "reopen") return undefined;
  return isHeld(scene) && scene.hasLease && event.answer === true
    ? "false, for the lease still stands"
    : undefined;
}

function outcomesComeBackToTheLetter(history: History): Violation[] {
  const events = ofType(history, "store");
  const written = new Set(
    events.flatMap(({ key, outcome }) => (outcome === undefined ? [] : [`${key}\n${outcome}`])),
  );
  return events
    .filter(({ operation }) => operation === "claim" || operation === "read")
    .filter(({ key, answer }) => {
      const { status, outcome } = (answer ?? {}) as Partial<StoreRecord>;
      return status === "completed" && !written.has(`${key}\n${outcome}`);
    })
    .map(({ at, key, answer }) => ({
      promise: "S9",
      at,
      key,
      message: `the store answered an outcome that nobody wrote for the key: ${JSON.stringify(answer)}`,
    }));
}

function nothingIsLeftBehind(history: History): Violation[] {
  return ofType(history, "left")
    .filter(({ records }) => records > 0)
    .map(({ at, records }) => ({
      promise: "S10",
      at,
      message: `${records} records are past their time and still there`,
    }));
}
