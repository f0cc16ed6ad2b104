import type { Tell, WorkerName } from "./trace.ts";
import type { VirtualTime } from "./virtual-time.ts";
import { codeOf, type WorkerProcess } from "./worker-process.ts";

const TRIP_MS = 100;
/** How long the sender waits for a first delivery to be acknowledged, and how much longer for each one after it. */
const PATIENCE_MS = 5_000;
const MORE_PATIENT = 1.5;
const BACKOFF_MS = 2_000;
const MOST_DELIVERIES = 5;

/** Errors that no retry mends: somebody has to look. */
const FINAL = new Set([
  "OUTCOME_UNKNOWN",
  "RESULT_UNAVAILABLE",
  "REPLAYED_ERROR",
  "KEY_REUSED",
  "INVALID_KEY",
]);

export interface SenderPlan {
  /** Whether the first acknowledgement is lost. */
  losesAcknowledgement: boolean;
  /** Whether the event is delivered twice at once. */
  deliversTwice: boolean;
}

/** Delivers one event, as queues and webhooks do: again and again, until it is acknowledged. */
export function startSender(
  time: VirtualTime,
  plan: SenderPlan,
  workers: Readonly<Record<WorkerName, () => WorkerProcess>>,
  handle: (worker: WorkerProcess, delivery: number) => Promise<void>,
  tell: Tell,
): void {
  let deliveries = 0;
  let isDone = false;
  const stopWaiting: (() => void)[] = [];
  let hasLost = !plan.losesAcknowledgement;

  function deliver(): void {
    if (isDone) return;
    const delivery = ++deliveries;
    const worker: WorkerName = delivery % 2 === 1 ? "A" : "B";
    tell({ type: "delivered", delivery, worker });

    const hear = (act: () => void) =>
      time.after(
        TRIP_MS,
        () => {
          time.cancel(patience);
          act();
        },
        SENDER,
      );
    const again = (afterMs: number) => {
      if (deliveries < MOST_DELIVERIES) time.after(afterMs, deliver, SENDER);
      else park("GAVE_UP");
    };

    function acknowledged(): void {
      const lost = !hasLost;
      hasLost = true;
      if (lost) {
        tell({ type: "acknowledged", delivery, worker, lost });
        return;
      }
      hear(() => {
        done();
        tell({ type: "acknowledged", delivery, worker, lost });
      });
    }

    function failed(error: unknown): void {
      hear(() => {
        const { code, message } = codeOf(error);
        tell({ type: "failed", delivery, worker, code, message });
        if (isDone) return;
        if (FINAL.has(code)) park(code);
        else again(BACKOFF_MS * delivery);
      });
    }

    time.after(TRIP_MS, () => receive(workers[worker](), delivery, acknowledged, failed), SENDER);
    const patience = time.after(
      PATIENCE_MS * MORE_PATIENT ** (delivery - 1),
      () => {
        tell({ type: "unheard", delivery, worker });
        if (deliveries === delivery) again(0);
      },
      SENDER,
    );
    stopWaiting.push(() => time.cancel(patience));
  }

  function receive(
    process: WorkerProcess,
    delivery: number,
    acknowledged: () => void,
    failed: (error: unknown) => void,
  ): void {
    if (process.actor.isDead) return;
    // What it sets in motion is the worker's, and ends with it.
    time.after(
      0,
      () => {
        tell({ type: "called", delivery, worker: process.actor.name as WorkerName });
        handle(process, delivery).then(acknowledged, failed);
      },
      process.actor,
    );
  }

  function done(): void {
    isDone = true;
    for (const stop of stopWaiting) stop();
  }

  function park(code: string): void {
    done();
    tell({ type: "parked", code });
  }

  deliver();
  if (plan.deliversTwice) deliver();
}

const SENDER = { name: "sender", isDead: false };
