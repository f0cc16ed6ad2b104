import { setTimeout as sleep } from "node:timers/promises";
import { isIdempotencyError } from "with-idempotency";
import { burstsOf, type OrderEvent } from "./events.ts";
import { isRejection } from "./mailer.ts";

/** Tells a customer about an event; rejects when it does not know that this was done. */
export type Notify = (event: OrderEvent) => Promise<unknown>;

const WORKERS = 8;
const MAX_ATTEMPTS = 12;
const FIRST_DELAY_MS = 10;
const MAX_DELAY_MS = 500;

// A rejection for good is an answer; a later delivery of that event gets it replayed.
const isAnswer = (error: unknown) => isRejection(error) || isIdempotencyError(error, "REPLAYED_ERROR");

/** Tries until there is an answer, waiting longer each time; throws the last error where there was none. */
async function untilAnswered(event: OrderEvent, notify: Notify): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await notify(event);
      return;
    } catch (error) {
      if (isAnswer(error)) return;
      if (attempt === MAX_ATTEMPTS) throw error;
    }
    await sleep(Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), MAX_DELAY_MS));
  }
}

/** Deals a log out by order. */
function byOrder(events: readonly OrderEvent[]): Map<string, OrderEvent[]> {
  const orders = new Map<string, OrderEvent[]>();
  for (const event of events) {
    const found = orders.get(event.order);
    if (found) found.push(event);
    else orders.set(event.order, [event]);
  }
  return orders;
}

/**
 * Handles the events of a log: those of one order one after the other, or at once where they came at once, and
 * several orders side by side. `onHandled` learns of each, and why it was given up where that is so.
 *
 * @returns how many events have got an answer
 */
export async function runWorkflow(
  events: readonly OrderEvent[],
  notify: Notify,
  onHandled: (event: OrderEvent, failure?: unknown) => void,
): Promise<number> {
  let answered = 0;
  const handle = async (event: OrderEvent) => {
    try {
      await untilAnswered(event, notify);
      answered += 1;
      onHandled(event);
    } catch (error) {
      onHandled(event, error);
    }
  };
  // The workers share one iterator: each takes the next order when it is done with one.
  const orders = byOrder(events).values();
  const work = async () => {
    for (const order of orders) {
      for (const burst of burstsOf(order)) await Promise.all(burst.map(handle));
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return answered;
}
