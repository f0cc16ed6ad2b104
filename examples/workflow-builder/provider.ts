import { setTimeout as sleep } from "node:timers/promises";

/** What a customer gets. */
export interface Message {
  readonly to: string;
  readonly text: string;
}

/** A provider of notifications, in this process, that fails as real ones do. */
export interface Provider {
  /** Every message that went out. */
  readonly sent: readonly Message[];
  /** Takes a message; one that comes again under its key goes out once. */
  send(message: Message, idempotencyKey?: string): Promise<{ id: string }>;
}

const ANSWER_MS = 5;

/** By text, what happens to a message that comes for the first time. */
const FAULTS: readonly (readonly [text: RegExp, fault: "refused" | "unanswered"])[] = [
  [/\b1042\b/, "refused"],
  [/\b1043\b/, "unanswered"],
];

const failure = (message: string, details: object) => Object.assign(new Error(message), details);

/** Opens one with nothing sent. */
export function createProvider(): Provider {
  const sent: Message[] = [];
  const met = new Set<string>();
  const answers = new Map<string, { id: string }>();

  function faultOf(text: string): "refused" | "unanswered" | undefined {
    if (met.has(text)) return undefined;
    met.add(text);
    return FAULTS.find(([pattern]) => pattern.test(text))?.[1];
  }

  return {
    sent,
    async send(message, idempotencyKey) {
      await sleep(ANSWER_MS);
      const fault = faultOf(message.text);
      if (fault === "refused") throw failure("Too many requests, try again", { status: 429 });
      const known = idempotencyKey === undefined ? undefined : answers.get(idempotencyKey);
      if (known !== undefined) return known;
      sent.push(message);
      const answer = { id: `message-${sent.length}` };
      if (idempotencyKey !== undefined) answers.set(idempotencyKey, answer);
      if (fault === "unanswered") throw failure("socket hang up", { code: "ECONNRESET" });
      return answer;
    },
  };
}
