import type { ClaimResult, StoreRecord } from "../../src/store.ts";
import type { History, StoreEvent, Violation } from "./events.ts";
import { differ, ofType } from "./story.ts";

/** A time of which only the bounds are known. */
interface Span {
  from: number;
  to: number;
}

/** What is known of a key's record after the answers so far. */
interface Known {
  status: "absent" | "held" | "released" | "completed" | "unknown";
  token?: string | undefined;
  attempt: number;
  runId: string;
  fingerprint?: string | undefined;
  ttlMs: number;
  outcome?: string | undefined;
  lapses: Span;
  expires: Span;
}

const NOTHING: Known = {
  status: "absent",
  attempt: 0,
  runId: "",
  ttlMs: 0,
  lapses: { from: 0, to: 0 },
  expires: { from: 0, to: 0 },
};

const after = ({ sent, at }: StoreEvent, ms: number): Span => ({ from: sent + ms, to: at + ms });
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

/** Holds what stores answered against the clauses S1–S10. What no answer tells for sure is held against nothing. */
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
  let known = NOTHING;
  return events.flatMap((event, index) => {
    const before = events[index - 1];
    // Of two operations at the same time nobody knows which came first.
    if (before && before.at > event.sent && before.sent !== before.at)
      known = { ...NOTHING, status: "unknown" };
    const broken = known.status === "unknown" ? [] : checkOne(sceneOf(event, known), evicted.has(event.key));
    known = learn(event, known);
    return broken;
  });
}

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
];

const isClaim = ({ event }: Scene) => event.operation === "claim";
const isOwn = ({ event, known }: Scene) => event.token === known.token;
const isHeld = ({ known, isLive }: Scene) => known.status === "held" && isLive;
const isNew = ({ event, answer }: Scene) =>
  answer.status === "claimed" && answer.attempt === 1 && answer.runId === event.token;
const isNext = ({ known, answer }: Scene) =>
  answer.status === "claimed" && answer.attempt === known.attempt + 1 && answer.runId === known.runId;

/** Of the claims on a free key exactly one is answered "claimed"; the others hear that it is in progress. */
function exactlyOneClaims(scene: Scene): string | undefined {
  if (!isClaim(scene)) return undefined;
  if (scene.isOver && scene.answer.status !== "claimed") return "claimed, for the key is free";
  const isTaken = isHeld(scene) && scene.hasLease && !isOwn(scene);
  return isTaken && scene.answer.status !== "in-progress"
    ? "in progress, for another holds the key"
    : undefined;
}

function itsOwnTokenClaimsAgain(scene: Scene): string | undefined {
  const { known, answer } = scene;
  if (!isClaim(scene) || !isHeld(scene) || !isOwn(scene)) return undefined;
  const isSame =
    answer.status === "claimed" && answer.attempt === known.attempt && answer.runId === known.runId;
  return isSame ? undefined : "the same claim again, for the token holds the key";
}

function expiredIsAbsent(scene: Scene): string | undefined {
  if (!scene.isOver) return undefined;
  const { event, answer } = scene;
  if (event.operation === "read")
    return answer === undefined ? undefined : "nothing, for the record has expired";
  if (event.operation === "claim")
    return isNew(scene) ? undefined : "a new window, for the record has expired";
  return event.answer === true ? "false, for the record has expired" : undefined;
}

function takenOverOnlyByRerun(scene: Scene): string | undefined {
  const { event, known, answer } = scene;
  if (!isClaim(scene) || !isHeld(scene) || isOwn(scene)) return undefined;
  if (scene.hasLease)
    return answer.status === "uncertain" ? "no word of uncertain while the lease lasts" : undefined;
  if (!scene.hasLapsed) return undefined;
  const mayRerun = event.request!.rerun === true && !differ(event.request!.fingerprint, known.fingerprint);
  if (mayRerun) return isNext(scene) ? undefined : "a takeover: the next attempt of the same runId";
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
  const { event, known } = scene;
  if (!isClaim(scene) || known.status !== "released" || !scene.isLive) return undefined;
  if (differ(event.request!.fingerprint, known.fingerprint)) {
    return isNew(scene) ? undefined : "a new runId at attempt 1, for the fingerprint is another";
  }
  return isNext(scene) ? undefined : "the next attempt of the same runId, for the key was released";
}

function theOutcomeIsKept(scene: Scene): string | undefined {
  const { event, known } = scene;
  if (known.status !== "completed" || !scene.isLive) return undefined;
  const answer = event.answer as Partial<StoreRecord> | undefined;
  if (event.operation !== "claim" && event.operation !== "read") return undefined;
  const isKept = answer?.status === "completed" && answer.outcome === known.outcome;
  return isKept ? undefined : `the outcome ${known.outcome}`;
}

/** What has not expired is not treated as absent. */
function nothingVanishes(scene: Scene): string | undefined {
  if (!scene.isLive) return undefined;
  const { event, known } = scene;
  const isReleasedToAnother =
    known.status === "released" && differ(event.request?.fingerprint, known.fingerprint);
  if (isClaim(scene) && isNew(scene) && !isReleasedToAnother && !isOwn(scene))
    return "the record that is there";
  const isGone =
    event.operation === "read" ? event.answer === undefined : event.operation === "forget" && !event.answer;
  return isGone ? "the record that is there" : undefined;
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

/** What the answer makes known. Without one, anything may be the case until another answer tells. */
function learn(event: StoreEvent, known: Known): Known {
  const { operation, answer, ttlMs = known.ttlMs, outcome } = event;
  if (operation === "read") return known;
  if (operation === "claim") return learnClaim(event, known);
  if (answer === undefined) return { ...NOTHING, status: "unknown" };
  if (answer !== true) return known;
  switch (operation) {
    case "forget":
      return NOTHING;
    case "release":
      return { ...known, status: "released", token: undefined, expires: after(event, known.ttlMs) };
    case "renew": {
      const lapses = after(event, event.leaseMs!);
      return { ...known, lapses, expires: after(event, event.leaseMs! + known.ttlMs) };
    }
    default: {
      const isAgain = known.status === "completed" && operation === "complete";
      const token = operation === "complete" ? event.token : undefined;
      return isAgain
        ? known
        : { ...known, status: "completed", token, outcome, expires: after(event, ttlMs) };
    }
  }
}

function learnClaim(event: StoreEvent, known: Known): Known {
  const { request, token, key } = event;
  const answer = event.answer as ClaimResult | undefined;
  if (answer === undefined) return { ...NOTHING, status: "unknown" };
  if (answer.status !== "claimed" || request === undefined || key === undefined) return known;
  const isSameWindow = known.runId === answer.runId && known.status !== "unknown";
  return {
    status: "held",
    token,
    attempt: answer.attempt,
    runId: answer.runId,
    fingerprint: request.fingerprint ?? (isSameWindow ? known.fingerprint : undefined),
    ttlMs: request.ttlMs,
    lapses: after(event, request.leaseMs),
    expires: after(event, request.leaseMs + request.ttlMs),
  };
}
