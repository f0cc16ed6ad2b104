import type { FaultName } from "./scenario.ts";
import type { Message, Tell, WorkerName } from "./trace.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Times are stretched, so that they can be seen. */
const ARRIVES_MS = 1_000;
const ANSWERS_MS = 2_000;
const SLOW_ANSWERS_MS = 9_000;

/** What the provider's client returns for one recipient: it never throws for an answer. */
export interface Envelope {
  data: { id: string } | null;
  error: { status: number; message: string } | null;
}

export interface Provider {
  readonly mailbox: readonly Message[];
  /** Sends to each; the keys are in the recipients' order. */
  send(worker: WorkerName, to: readonly string[], keys?: readonly string[]): Promise<Envelope[]>;
}

const sent = (id: string): Envelope => ({ data: { id }, error: null });
const unavailable: Envelope = { data: null, error: { status: 503, message: "Try again later" } };

/** What a client throws whose connection breaks before the answer. */
const cutOff = () => Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });

type Answer = "ok" | "error" | "cut" | "partly";

const FIRST_ANSWER: Partial<Record<FaultName, Answer>> = { cut: "cut", envelope: "error", batch: "partly" };

/** An email provider with a mailbox, whose first request meets the fault. */
export function createProvider(
  time: VirtualTime,
  fault: FaultName,
  remembers: boolean,
  tell: Tell,
): Provider {
  const mailbox: Message[] = [];
  const known = new Map<string, Envelope>();
  let requests = 0;

  function accept(worker: WorkerName, request: number, to: string, idempotencyKey?: string): Envelope {
    const earlier = remembers && idempotencyKey !== undefined ? known.get(idempotencyKey) : undefined;
    if (earlier && idempotencyKey !== undefined) {
      tell({ type: "recognised", worker, request, to, idempotencyKey });
      return earlier;
    }
    mailbox.push({ at: time.now(), to, worker, request, idempotencyKey });
    tell({ type: "arrived", worker, request, to, idempotencyKey });
    const envelope = sent(`email-${mailbox.length}`);
    if (idempotencyKey !== undefined) known.set(idempotencyKey, envelope);
    return envelope;
  }

  return {
    mailbox,
    send(worker, to, keys = []) {
      const request = ++requests;
      const answer = (request === 1 && FIRST_ANSWER[fault]) || "ok";
      const isRefused = (index: number) => answer === "error" || (answer === "partly" && index === 2);
      let envelopes: Envelope[] = [];
      tell({ type: "requested", worker, request, to: [...to] });
      // A worker that dies before then has sent nothing.
      time.after(ARRIVES_MS, () => {
        envelopes = to.map((address, index) =>
          isRefused(index) ? unavailable : accept(worker, request, address, keys[index]),
        );
      });
      return new Promise((resolve, reject) => {
        time.after(fault === "slow" && request === 1 ? SLOW_ANSWERS_MS : ANSWERS_MS, () => {
          tell({ type: "answered", worker, request, answer });
          if (answer === "cut") reject(cutOff());
          else resolve(envelopes);
        });
      });
    },
  };
}
