import { setTimeout as sleep } from "node:timers/promises";
import { certainlyNotDone } from "with-idempotency";
import type { Answer, Message } from "./provider.ts";

const TRIES = 4;
const PAUSE_MS = 25;
const TIMEOUT_MS = 10_000;

/** The provider has said no, to a batch or to one of its messages. */
class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;

  constructor(status: number, message: string) {
    super(`${status}: ${message}`);
    this.status = status;
  }
}

/** A client for the provider at that address. */
export function createClient(url: string) {
  async function post(messages: readonly Message[], idempotencyKey: string): Promise<Answer[]> {
    const response = await fetch(`${url}/batch`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
      body: JSON.stringify({ messages }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body = (await response.json()) as { answers: Answer[]; message: string };
    if (!response.ok) throw new Refused(response.status, body.message);
    return body.answers;
  }

  /** Tries a few times, by the same key: what the provider has accepted it does not send again. */
  async function persist(messages: readonly Message[], idempotencyKey: string): Promise<Answer[]> {
    let doubt: unknown;
    for (let tries = 1; ; tries += 1) {
      try {
        return await post(messages, idempotencyKey);
      } catch (error) {
        // A refusal says nothing of an earlier try that had no answer.
        if (!certainlyNotDone(error)) doubt ??= error;
        if (tries === TRIES) throw doubt ?? error;
      }
      await sleep(PAUSE_MS * tries);
    }
  }

  return {
    /** Sends a batch: the id of each message, or the error that it was refused with. */
    async sendBatch(messages: readonly Message[], idempotencyKey: string): Promise<(string | Error)[]> {
      const answers = await persist(messages, idempotencyKey);
      return answers.map(answer =>
        "id" in answer ? answer.id : new Refused(answer.error.status, answer.error.message),
      );
    },
    /** Whether the message with that reference was sent. */
    async wasSent(reference: string): Promise<boolean> {
      const response = await fetch(`${url}/messages/${encodeURIComponent(reference)}`);
      await response.arrayBuffer();
      if (!response.ok && response.status !== 404)
        throw new Error(`expected 200 or 404 from the provider; got ${response.status}`);
      return response.ok;
    },
  };
}
