import type { PlainEvent, TraceEntry } from "./trace.ts";

/** A time as people read it: seconds with one decimal. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** Whom an entry is about. */
export function whoOf(entry: TraceEntry): string {
  switch (entry.type) {
    case "delivered":
    case "acknowledged":
    case "failed":
    case "unheard":
    case "parked":
      return "Sender";
    case "arrived":
    case "recognised":
      return "Provider";
    case "store-lost":
    case "store-back":
    case "key":
      return "Store";
    default:
      return `Worker ${entry.worker}`;
  }
}

/** An entry in one sentence; undefined for what is too fine to read out. */
export function sentenceOf(entry: TraceEntry): string | undefined {
  switch (entry.type) {
    case "delivered":
      return `Delivers the event to worker ${entry.worker} (delivery ${entry.delivery}).`;
    case "acknowledged":
      return entry.lost
        ? `The acknowledgement of delivery ${entry.delivery} is lost on its way.`
        : `Learns that delivery ${entry.delivery} is done.`;
    case "failed":
      return `Learns that delivery ${entry.delivery} failed: ${entry.code}.`;
    case "unheard":
      return `Gets no answer for delivery ${entry.delivery} and stops waiting.`;
    case "parked":
      return entry.code === "GAVE_UP"
        ? "Gives up."
        : `Stops retrying after ${entry.code}: somebody must look into it.`;
    case "called":
      return entry.side === "with" ? "Calls the wrapper, which claims the key." : "Starts to send.";
    case "event":
      return eventSentence(entry.event);
    case "asked":
      return ASKED[entry.operation];
    case "requested":
      return `Sends a request to the provider${entry.to.length > 1 ? ` for ${entry.to.length} users` : ""}.`;
    case "arrived":
      return `Accepts the email to ${entry.to}.`;
    case "recognised":
      return `Recognises this idempotency key and does not send again to ${entry.to}.`;
    case "answered":
      return ANSWERED[entry.answer];
    case "killed":
      return "Is killed.";
    case "restarted":
      return "Starts again, with no memory of before.";
    case "store-lost":
      return "Cannot be reached.";
    case "store-back":
      return "Can be reached again.";
    case "key":
      return keySentence(entry);
  }
}

const ASKED = {
  claim: undefined,
  renew: "Renews its lease.",
  complete: "Stores the result.",
  release: "Releases the key.",
  hold: "Marks the key as uncertain.",
} as const;

const ANSWERED = {
  ok: "Gets the provider’s answer.",
  error: "Gets an envelope with an error in it.",
  cut: "Loses the connection before the answer.",
  partly: "Gets an answer with an error for one user.",
} as const;

function keySentence({ state, leaseEnd, key }: Extract<TraceEntry, { type: "key" }>): string {
  switch (state) {
    case "in-progress":
      return `Has ${key} in progress; its lease ends at ${seconds(leaseEnd ?? 0)}.`;
    case "uncertain":
      return `Has ${key} as uncertain.`;
    case "completed":
      return `Has ${key} as completed, with its result.`;
    case "released":
      return `Has ${key} released, free for the next claim.`;
    case "absent":
      return `Has forgotten ${key}: it has expired.`;
  }
}

/** What `onEvent` said. */
function eventSentence(event: PlainEvent): string | undefined {
  switch (event.type) {
    case "claimed":
      return event.takeover
        ? `Takes over the uncertain key and runs (attempt ${event.attempt}).`
        : `Has the key, and runs (attempt ${event.attempt}).`;
    case "joined":
      return "Joins another call in its process with the same key.";
    case "waiting":
      return "Meets a claim of another worker, and waits.";
    case "replayed":
      return "Gets the earlier result, and does not run.";
    case "completed":
      if (event.policy === "release") return "Has a result that releases the key.";
      if (event.policy === "hold") return "Has a result that leaves the key uncertain.";
      return event.persisted ? "Is done; the result is stored." : "Is done; the result is not stored.";
    case "failed":
      return `Failed; the key is ${{ release: "released", store: "completed with the error", hold: "uncertain" }[event.policy]}.`;
    case "shared-failure":
      return "Gets the error of the run that it shared.";
    case "refused":
      return `Is refused: ${event.code}.`;
    case "lease-lost":
      return "Loses its lease.";
    case "store-error":
      return `Gets no answer from the store (${event.operation}).`;
    case "unprotected":
      return "Runs without a claim, because the store cannot be reached.";
    case "late-claim":
      return "Releases a claim that arrived late.";
    default:
      return undefined;
  }
}
