import { setTimeout as sleep } from "node:timers/promises";
import type { Delivery } from "./redeliveries.ts";
import { settings } from "./settings.ts";

const CONCURRENCY = 4;
const POLL_MS = 100;

async function report(id: number, completed: boolean): Promise<void> {
  await fetch(settings.queueUrl, { method: "POST", body: JSON.stringify({ id, completed }) });
}

async function work(handle: (delivery: Delivery) => Promise<unknown>): Promise<never> {
  for (;;) {
    const delivery = (await (await fetch(settings.queueUrl)).json()) as Delivery | null;
    if (delivery === null) await sleep(POLL_MS);
    else {
      const completed = handle(delivery).then(
        () => true,
        () => false,
      );
      await report(delivery.order.id, await completed);
    }
  }
}

/** Takes jobs from the stand-in for a runtime's server, and reports what became of them. */
export async function takeDeliveries(handle: (delivery: Delivery) => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: CONCURRENCY }, () => work(handle)));
}
