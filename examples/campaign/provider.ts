import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fateOf, isBusy } from "./faults.ts";

/** A message as it is sent to the provider. */
export interface Message {
  to: string;
  subject: string;
  /** Names it at the provider: by this it is found again. */
  reference: string;
}

/** What the provider answers for each message of a batch. */
export type Answer = { id: string } | { error: { status: number; message: string } };

/** All that the provider has seen. */
export interface Ledger {
  /** How many messages each address has received. */
  mailbox: Map<string, number>;
  /** The messages that were sent, by their references. */
  references: Set<string>;
  messages: number;
  /** Batches that were accepted, each once. */
  batches: number;
}

/** A running provider. */
export interface Provider {
  url: string;
  ledger: Readonly<Ledger>;
  close(): Promise<void>;
}

/** A batch that was accepted: what its key stands for from then on. */
interface Accepted {
  digest: string;
  answers: readonly Answer[];
  /** How many of its answers are lost on the way. */
  cuts: number;
}

const LATENCY_MS = 10;
const SLOW_MS = 400;
const REFUSALS = {
  "too-many": [429, "Too many requests"],
  failed: [500, "Internal error"],
  unavailable: [503, "Try again later"],
} as const;

const digestOf = (body: string) => createHash("sha256").update(body).digest("hex");

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/**
 * Starts an email provider on a free port of 127.0.0.1 that fails as providers do, the same way in each run. As real ones
 * do, it remembers the key of each batch that it has accepted: it sends no message twice when the batch comes again, and
 * refuses another batch under that key. `onAccepted` is called with each batch before it is answered.
 */
export async function startProvider(onAccepted: (messages: number) => void): Promise<Provider> {
  const ledger: Ledger = { mailbox: new Map(), references: new Set(), messages: 0, batches: 0 };
  const accepted = new Map<string, Accepted>();
  const turnedAway = new Set<string>();
  let requests = 0;

  function send({ to, reference }: Message): Answer {
    if (isBusy(to) && !turnedAway.has(to)) {
      turnedAway.add(to);
      return { error: { status: 450, message: "The inbox is busy, try again later" } };
    }
    ledger.messages += 1;
    ledger.mailbox.set(to, (ledger.mailbox.get(to) ?? 0) + 1);
    ledger.references.add(reference);
    return { id: `message-${ledger.messages}` };
  }

  function accept(key: string, body: string, cuts: number): Accepted {
    const { messages } = JSON.parse(body) as { messages: Message[] };
    const batch = { digest: digestOf(body), answers: messages.map(send), cuts };
    accepted.set(key, batch);
    ledger.batches += 1;
    onAccepted(ledger.messages);
    return batch;
  }

  /** Once more: what was sent is not sent again, and what was turned away is tried again. */
  function acceptAgain(batch: Accepted, body: string): Accepted {
    const { messages } = JSON.parse(body) as { messages: Message[] };
    batch.answers = batch.answers.map((answer, n) => ("id" in answer ? answer : send(messages[n]!)));
    return batch;
  }

  async function takeBatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const key = String(request.headers["idempotency-key"]);
    requests += 1;
    const fate = fateOf(requests);
    await sleep(LATENCY_MS);
    // From here on nothing else happens before it is accepted: the same batch may come twice at once.
    const known = accepted.get(key);
    if (known !== undefined && known.digest !== digestOf(body))
      return reply(response, 422, { message: "This key came with another batch" });
    if (known === undefined && fate in REFUSALS) {
      const [status, message] = REFUSALS[fate as keyof typeof REFUSALS];
      return reply(response, status, { message });
    }
    const cuts = fate === "cut-again" ? Number.POSITIVE_INFINITY : Number(fate === "cut");
    const batch = known === undefined ? accept(key, body, cuts) : acceptAgain(known, body);
    if (batch.cuts > 0) {
      batch.cuts -= 1;
      response.destroy();
      return;
    }
    if (fate === "slow") await sleep(SLOW_MS);
    reply(response, 200, { answers: batch.answers });
  }

  function lookUp(reference: string, response: ServerResponse): void {
    const isThere = ledger.references.has(reference);
    reply(response, isThere ? 200 : 404, isThere ? { reference } : { message: "There is no such message" });
  }

  const server = createServer((request, response) => {
    const { method, url = "" } = request;
    // Who asked may be dead by now.
    response.on("error", () => {});
    if (method === "POST") takeBatch(request, response).catch(() => response.destroy());
    else lookUp(decodeURIComponent(url.slice(url.lastIndexOf("/") + 1)), response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ledger,
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
