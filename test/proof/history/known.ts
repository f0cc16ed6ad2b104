import { isClaimed, type StoreEvent } from "./events.ts";
import { NEVER } from "./story.ts";

/** A time of which only the bounds are known. */
export interface Span {
  from: number;
  to: number;
}

/** That a record may have a fingerprint, and nobody knows which. */
export const SOME: unique symbol = Symbol("some");

/** What is known of a key's record after the answers so far. What is undefined is not known. */
export interface Known {
  status: "absent" | "held" | "released" | "completed" | "unknown";
  /** Who holds or completed it: undefined where nobody has. */
  token?: string | undefined;
  attempt?: number | undefined;
  runId?: string | undefined;
  /** Undefined where it has none. */
  fingerprint?: string | typeof SOME | undefined;
  /** Whether the claim that holds it took an uncertain key over. */
  takeover?: boolean | undefined;
  ttlMs?: number | undefined;
  outcome?: string | undefined;
  lapses: Span;
  expires: Span;
}

const PAST: Span = { from: 0, to: 0 };
export const ABSENT: Known = { status: "absent", lapses: PAST, expires: PAST };
export const UNKNOWN: Known = { status: "unknown", fingerprint: SOME, lapses: PAST, expires: PAST };

/** Where clocks that are apart decide, a time is over for nobody before it is, and for all by twice the skew after that. */
const after = ({ sent, at, skewMs = 0 }: StoreEvent, ms: number): Span => ({
  from: sent + ms,
  to: at + ms + 2 * skewMs,
});

/** Whether an operation may have changed its key: it said so, or nobody heard what it said. */
export const mayChange = ({ operation, answer }: StoreEvent): boolean =>
  operation !== "read" && (answer === undefined || answer === true || isClaimed(answer));

/** What is known when an operation has answered that nothing else went on beside. `events` are all of its key. */
export function learn(event: StoreEvent, known: Known, events: readonly StoreEvent[]): Known {
  const { operation, answer } = event;
  if (!mayChange(event)) return known;
  if (answer === undefined) return UNKNOWN;
  const of = known.status === "unknown" ? recall(event, events) : known;
  switch (operation) {
    case "claim":
      return learnClaim(event, known);
    case "forget":
      return ABSENT;
    case "release":
      return { ...of, status: "released", token: undefined, expires: keptFor(event, of.ttlMs) };
    case "reopen":
      // Reopened once more, a record stays as it is (S11).
      if (known.status === "released") return known;
      return { ...of, status: "released", token: undefined, expires: keptFor(event, of.ttlMs) };
    case "renew": {
      const { leaseMs = 0, token } = event;
      const expires = keptFor(event, of.ttlMs, leaseMs);
      return { ...of, status: "held", token, lapses: after(event, leaseMs), expires };
    }
    case "complete":
      return learnCompletion(event, of, events);
    default:
      // Settled once more, a record stays as it is (S11).
      if (event.seen !== undefined && known.status === "completed") return known;
      if (event.seen !== undefined && known.status === "unknown") return UNKNOWN;
      return { ...of, status: "completed", token: undefined, ...outcomeOf(event) };
  }
}

const keptFor = (event: StoreEvent, ttlMs: number | undefined, leaseMs = 0): Span =>
  ttlMs === undefined ? { from: event.sent + leaseMs, to: NEVER } : after(event, leaseMs + ttlMs);

const outcomeOf = (event: StoreEvent) => ({
  outcome: event.outcome,
  expires: after(event, event.ttlMs ?? 0),
});

/** What a token's own claim tells of a record that it turns out to hold. */
function recall({ token, at }: StoreEvent, events: readonly StoreEvent[]): Known {
  const claims = events.filter(event => event.operation === "claim" && event.token === token);
  const made = claims.filter(claim => claim.sent < at);
  return { ...UNKNOWN, ttlMs: made.at(-1)?.request?.ttlMs };
}

function learnClaim(event: StoreEvent, known: Known): Known {
  const { request, token, answer } = event;
  if (!isClaimed(answer) || request === undefined) return UNKNOWN;
  const { attempt, runId } = answer;
  const isNew = attempt === 1 && runId === token;
  return {
    status: "held",
    token,
    attempt,
    runId,
    takeover: answer.takeover,
    fingerprint: request.fingerprint ?? (isNew ? undefined : known.fingerprint),
    ttlMs: request.ttlMs,
    lapses: after(event, request.leaseMs),
    expires: after(event, request.leaseMs + request.ttlMs),
  };
}

/** Completed once more by its own token, a record stays as it is. */
function learnCompletion(event: StoreEvent, known: Known, events: readonly StoreEvent[]): Known {
  const { token } = event;
  if (known.status === "completed") return known;
  const completed: Known = { ...known, status: "completed", token };
  if (known.status !== "unknown") return { ...completed, ...outcomeOf(event) };
  // It may have been completed before by one of those of which nobody knows.
  const tries = events.filter(e => e.operation === "complete" && e.token === token && e.sent <= event.sent);
  const outcomes = new Set(tries.map(({ outcome }) => outcome));
  const from = Math.min(...tries.map(({ sent, ttlMs = 0 }) => sent + ttlMs));
  return {
    ...completed,
    outcome: outcomes.size === 1 ? event.outcome : undefined,
    expires: { from, to: after(event, event.ttlMs ?? 0).to },
  };
}
