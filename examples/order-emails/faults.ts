import { createHash } from "node:crypto";

// Draws the faults that examples/order-events.jsonl is written around.
const SEED = "46928";

const REFUSED_CONNECTIONS = 0.1;
const UNKNOWN_ADDRESSES = 0.08;
const GREYLISTED_ADDRESSES = 0.2;
const EMAILS_DROPPED = 0.1;
const EMAILS_UNANSWERED = 0.2;

/** A number from 0 up to 1 that is always the same for the same words: no run is luckier than another. */
function draw(...words: (string | number)[]): number {
  return (
    createHash("sha256")
      .update([SEED, ...words].join(" "))
      .digest()
      .readUInt32BE() /
    2 ** 32
  );
}

/** Whether the server turns away its n-th connection. */
export function refusesConnection(count: number): boolean {
  return draw("connection", count) < REFUSED_CONNECTIONS;
}

/** Whether the server has no such mailbox, or asks the first sender to come again later. */
export function addressFault(address: string): "unknown" | "greylisted" | undefined {
  const drawn = draw("address", address.toLowerCase());
  if (drawn < UNKNOWN_ADDRESSES) return "unknown";
  return drawn < UNKNOWN_ADDRESSES + GREYLISTED_ADDRESSES ? "greylisted" : undefined;
}

/**
 * Whether the server cuts the connection instead of answering an email's first arrival: before it has stored the
 * email, or after. The sender cannot know which.
 */
export function emailFault(identity: string): "dropped" | "unanswered" | undefined {
  const drawn = draw("mail", identity);
  if (drawn < EMAILS_DROPPED) return "dropped";
  return drawn < EMAILS_DROPPED + EMAILS_UNANSWERED ? "unanswered" : undefined;
}
