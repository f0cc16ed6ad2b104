import { eventsOf, type FaultName, type Scenario } from "./scenario.ts";
import type { Snapshot } from "./simulation.ts";
import type { PlainEvent, Side, TraceEntry } from "./trace.ts";

/** What a scenario came to, in words. */
export interface Explanation {
  /** How many emails went out on each side. */
  headline: string;
  with: string;
  without: string;
  /** Whether each user got exactly one email. */
  verdicts: Readonly<Record<Side, "once" | "more" | "less">>;
}

const emails = (count: number) => `${count} ${count === 1 ? "email" : "emails"}`;

export function explain(scenario: Scenario, { trace, mailboxes }: Snapshot): Explanation {
  const users = eventsOf(scenario.fault).length;
  const counts = { with: mailboxes.with.length, without: mailboxes.without.length };
  const verdict = (count: number) => (count === users ? "once" : count > users ? "more" : "less");
  const wanted = users === 1 ? "" : ` for ${users} users`;
  return {
    headline: `${emails(counts.with)}${wanted} with the wrapper, ${counts.without} without.`,
    with: explainWith(scenario, factsOf(trace, counts.with, users)),
    without: explainWithout(scenario, counts.without),
    verdicts: { with: verdict(counts.with), without: verdict(counts.without) },
  };
}

/** What the trace shows of the side with the wrapper. */
interface Facts {
  messages: number;
  users: number;
  events: readonly PlainEvent[];
  keys: number;
  refused(code: string): boolean;
  has(type: PlainEvent["type"]): boolean;
  recognised: boolean;
  gaveUp: boolean;
}

function factsOf(trace: readonly TraceEntry[], messages: number, users: number): Facts {
  const own = trace.filter(({ side }) => side === "with");
  const events = own.flatMap(entry => (entry.type === "event" ? [entry.event] : []));
  return {
    messages,
    users,
    events,
    keys: new Set(own.flatMap(entry => (entry.type === "key" ? [entry.key] : []))).size,
    refused: code => events.some(event => event.type === "refused" && event.code === code),
    has: type => events.some(event => event.type === type),
    recognised: own.some(({ type }) => type === "recognised"),
    gaveUp: own.some(entry => entry.type === "parked" && entry.code === "GAVE_UP"),
  };
}

function explainWithout({ fault, choices }: Scenario, messages: number): string {
  switch (fault) {
    case "ack-lost":
      return "The second delivery looks like the first, so worker B sends again.";
    case "cut":
      return "Worker A sees an error and cannot tell it from a refusal. The retry sends again, though the first email had arrived.";
    case "killed":
      return choices.killed === "before"
        ? `Worker B sends, and this time that is right: ${emails(messages)}. Had A died a moment later, the same code would have sent two.`
        : "Worker A leaves no record of what it sent, so worker B sends again.";
    case "slow":
      return "The second delivery comes while the first is still sending, and worker B does not know that.";
    case "twice":
      return "Both workers do their job: each sends.";
    case "envelope":
      return "The retry after the error is right. The one after the lost acknowledgement sends a second email.";
    case "batch":
      return `The whole batch is sent again because of one user, so three users get it twice: ${emails(messages)}.`;
    case "store-down":
      return "It needs no store, and has no memory: the lost acknowledgement makes worker B send again.";
  }
}

const CAUSES: Partial<Record<FaultName, string>> = {
  cut: "The connection broke after the request went out",
  killed: "Worker A went silent and its lease ran out",
  envelope: "onResult held the key",
};

function explainWith(scenario: Scenario, facts: Facts): string {
  return (
    explainUncertain(scenario, facts) ??
    explainChoices(scenario, facts) ??
    explainWindow(scenario, facts) ??
    explainOnce(scenario, facts)
  );
}

/** P2: who cannot know whether it was sent says so, or runs again because it was asked to. */
function explainUncertain({ fault, choices }: Scenario, facts: Facts): string | undefined {
  const { messages } = facts;
  if (facts.refused("OUTCOME_UNKNOWN")) {
    const truth = messages === 0 ? "this time it did not" : "this time it did";
    return `${CAUSES[fault] ?? "A run ended without an answer"}, so the workers cannot know whether the email went out (${truth}). The key is uncertain: the retry gets OUTCOME_UNKNOWN and does not send. Look at the provider, then resolve or reopen the key.`;
  }
  const takeover = facts.events.some(event => event.type === "claimed" && event.takeover);
  if (!takeover) return undefined;
  const asked = choices.onUncertain === "rerun" ? 'onUncertain: "rerun"' : "rerunWithin";
  if (facts.recognised) {
    return `${asked} sent again with the same idempotencyKey, and the provider recognised it: still ${emails(messages)}.`;
  }
  return messages > 1
    ? `${asked} sent again, and this provider does not remember keys: ${emails(messages)}. Rerun only where the provider remembers, or choose "reject".`
    : `${asked} sent again. The first request had never arrived, so it is ${emails(messages)}; had it arrived, a provider that forgets keys would have sent two.`;
}

/** What the reader's own choices led to. */
function explainChoices({ fault, choices }: Scenario, facts: Facts): string | undefined {
  const { messages, users } = facts;
  if (facts.has("unprotected")) {
    return `onStoreError: "run" let worker A send without a claim while the store was away, so the next delivery found no trace of it: ${emails(messages)}. "throw" waits for the store.`;
  }
  if (fault === "envelope" && choices.onResult === "complete" && messages === 0) {
    return "To the wrapper a returned { error } is a result. onResult completed the key with it, so every retry got the stored failure and nothing was sent. Let onResult release it.";
  }
  if (facts.refused("REPLAYED_ERROR")) {
    return `onError: "store" kept the error as the final answer, so the retry got REPLAYED_ERROR and did not send. The email of the first run had arrived: ${emails(messages)}.`;
  }
  if (fault === "cut" && choices.onError === "release") {
    return `onError: "release" freed the key although the request may have arrived, so the retry sent again: ${emails(messages)}. The default holds such a key.`;
  }
  if (facts.keys > 0 && facts.keys < users) {
    return `The key names no user, so ${users} users share ${facts.keys === 1 ? "one key" : `${facts.keys} keys`} and only ${emails(messages)} went out. Put {{user.id}} into the key.`;
  }
  if (facts.gaveUp) return `The sender gave up before it was acknowledged: ${emails(messages)}.`;
  return undefined;
}

/** Section 6: after its window a key counts as new. */
function explainWindow({ form }: Scenario, facts: Facts): string | undefined {
  if (facts.messages <= facts.users) return undefined;
  return `The key’s ${form.time} ${form.unit} were over before the next delivery came, so it counted as new: ${emails(facts.messages)}. Choose a time longer than the sender keeps retrying.`;
}

/** P1: it was sent once, and how the others learned of it. */
function explainOnce({ fault }: Scenario, facts: Facts): string {
  const count = emails(facts.messages);
  const replay = facts.has("replayed") ? "got the first result without sending" : "did not send";
  switch (fault) {
    case "batch":
      return `Each user has their own key: the three that were sent are replayed, and only the one that failed runs again: ${count}, one each.`;
    case "slow":
    case "twice":
      return facts.refused("IN_PROGRESS")
        ? `The second delivery met the claim of the first and got IN_PROGRESS, so the sender came back later: ${count}.`
        : `The second delivery met the claim of the first, waited for it, and ${replay}: ${count}.`;
    case "envelope":
      return `onResult released the key after the error, so the retry could send. The delivery after that ${replay}: ${count}.`;
    case "store-down":
      return `While the store could not be reached, nothing was sent: the call failed with STORE_ERROR. The retry sent, and the delivery after that ${replay}: ${count}.`;
    default:
      return `The second delivery found the key completed and ${replay}: ${count}.`;
  }
}
