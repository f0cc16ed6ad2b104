import type { IdempotencyStore } from "../contract/store.ts";
import { processWide } from "../util/process-wide.ts";
import { backgroundTimer, timersEndWithRequest } from "../util/timers.ts";

/** What became of a run, for the calls that share it. */
export type FlightEnd =
  /** `fn` completed, here or elsewhere: each call reads the outcome's text by itself. */
  | {
      type: "completed";
      outcome: string;
      attempt: number;
      persisted: boolean;
      fingerprint?: string | undefined;
    }
  /** `fn` completed with a result that has no text: all share the value itself. */
  | { type: "value"; value: unknown; attempt: number; fingerprint: string | undefined }
  /** `fn` failed. */
  | { type: "failed"; error: unknown; attempt: number }
  /** The claim could not be made. */
  | { type: "store-error"; error: unknown }
  /** The leader left for reasons of its own: whoever shared its way takes its own turn. */
  | { type: "left" };

/**
 * One call of this process on its way through a key, the leader, and what others need to know of it to share its run.
 * Plain data, for the calls may belong to different copies of the package.
 */
export interface Flight {
  /** The run that is going on, here or elsewhere; 0 while nobody knows yet who holds the key. */
  attempt: number;
  /** The fingerprint that the key is held with. */
  fingerprint: string | undefined;
  /** What remains of the holder's lease, at the most. */
  retryAfterMs: number;
  end: FlightEnd | undefined;
  /** Called when `attempt` or `end` changes; made by the first call that shares the flight. */
  watchers: Set<() => void> | undefined;
  /** When its leader last gave a sign of life, by the monotonic clock; only where one can vanish without a word. */
  seenAt: number | undefined;
}

const PULSE_MS = 250;
const SILENCE_MS = 1_000;

/** Opens a flight that others can find by its key. */
export function openFlight(flights: Map<string, Flight>, key: string): Flight {
  const flight: Flight = {
    attempt: 0,
    fingerprint: undefined,
    retryAfterMs: 0,
    end: undefined,
    watchers: undefined,
    seenAt: undefined,
  };
  flights.set(key, flight);
  if (timersEndWithRequest) pulse(flights, key, flight);
  return flight;
}

/** Shows that the leader's request lives, while the flight is open. */
function pulse(flights: Map<string, Flight>, key: string, flight: Flight): void {
  flight.seenAt = performance.now();
  backgroundTimer(() => {
    if (flights.get(key) === flight) pulse(flights, key, flight);
  }, PULSE_MS);
}

/** Whether its leader has vanished: the store knows what became of its run. */
export function isSilent({ seenAt }: Flight): boolean {
  return seenAt !== undefined && performance.now() - seenAt >= SILENCE_MS;
}

/** The flight that others can share, if there is one. */
export function findFlight(flights: Map<string, Flight>, key: string): Flight | undefined {
  const flight = flights.get(key);
  if (flight === undefined || !isSilent(flight)) return flight;
  flights.delete(key);
  return undefined;
}

function tell(flight: Flight): void {
  if (flight.watchers === undefined) return;
  for (const wake of [...flight.watchers]) wake();
}

/** Wakes when something changes, or may have; gives back how to be forgotten. */
export function watchFlight(flight: Flight, wake: () => void): () => void {
  const watchers = flight.watchers ?? new Set();
  flight.watchers = watchers.add(wake);
  const timer = flight.seenAt === undefined ? undefined : setTimeout(wake, SILENCE_MS);
  return () => {
    watchers.delete(wake);
    clearTimeout(timer);
  };
}

/** Says that the key is held, here or elsewhere. */
export function holdFlight(
  flight: Flight,
  attempt: number,
  retryAfterMs: number,
  fingerprint?: string,
): void {
  const isNews = flight.attempt !== attempt;
  flight.attempt = attempt;
  flight.retryAfterMs = retryAfterMs;
  flight.fingerprint = fingerprint;
  if (isNews) tell(flight);
}

/** Says what became of it, to those who share it now and, while it stays open, to those who come. The first end stands. */
export function endFlight(flight: Flight, end: FlightEnd): void {
  if (flight.end !== undefined) return;
  flight.end = end;
  tell(flight);
}

/** Makes way for the next one. */
export function closeFlight(flights: Map<string, Flight>, key: string, flight: Flight): void {
  if (flights.get(key) === flight) flights.delete(key);
}

/** Ends a flight and makes way at once. */
export function landFlight(flights: Map<string, Flight>, key: string, flight: Flight, end: FlightEnd): void {
  closeFlight(flights, key, flight);
  endFlight(flight, end);
}

/** A store, with the runs of this process on it by key. */
export interface Home {
  readonly store: IdempotencyStore;
  readonly flights: Map<string, Flight>;
}

/** Where the calls on a store meet. */
export function homeOf(store: IdempotencyStore): Home {
  const flights = processWide("runs", () => new WeakMap<IdempotencyStore, Map<string, Flight>>());
  let byKey = flights.get(store);
  if (byKey === undefined) {
    byKey = new Map();
    flights.set(store, byKey);
  }
  return { store, flights: byKey };
}
