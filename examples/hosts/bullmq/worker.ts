import { type Job, Queue, UnrecoverableError, Worker } from "bullmq";
import { Redis } from "ioredis";
import { createIdempotency, isIdempotencyError } from "with-idempotency";
import { redisStore } from "with-idempotency/redis";
import { sendMail } from "../common/mailer.ts";
import { type Email, emailsOf, type Order } from "../common/orders.ts";
import { messageIdOf, settleUnknown, TTL } from "../common/reconcile.ts";
import { settings } from "../common/settings.ts";

/** An email of which nobody knows whether it was sent. */
interface UnknownEmail {
  orderJob: string;
  to: Email["to"];
}

const patienceMs = settings.patienceSeconds * 1000;
const connection = { url: settings.redisUrl };
const emails = createIdempotency({
  namespace: "order-emails",
  store: redisStore(new Redis(settings.redisUrl)),
  lease: { seconds: settings.patienceSeconds },
});

const orders = new Queue<Order>("orders", { connection });
const unknownEmails = new Queue<UnknownEmail>("unknown-emails", { connection });

// The job, and what it does once: neither the attempt nor the worker.
const keyOf = (orderJob: string, to: Email["to"]) => ["ship-order", orderJob, to];

async function shipOrder({ id = "", data }: Job<Order>): Promise<void> {
  for (const email of emailsOf(data)) {
    try {
      await emails.withIdempotency(keyOf(id, email.to), TTL, ({ idempotencyKey }) =>
        sendMail(email, messageIdOf(idempotencyKey)),
      );
    } catch (error) {
      if (!isIdempotencyError(error, "OUTCOME_UNKNOWN")) throw error; // BullMQ tries again.
      await reportUnknown({ orderJob: id, to: email.to });
      throw new UnrecoverableError(error.message);
    }
  }
}

/** Leaves it to a job of its own, and only one for each email at a time. */
async function reportUnknown(unknown: UnknownEmail): Promise<void> {
  const retries = { attempts: 20, backoff: { type: "fixed", delay: 500 } };
  const deduplication = { id: `${unknown.orderJob}/${unknown.to}` };
  await unknownEmails.add("reconcile", unknown, { ...retries, deduplication, removeOnComplete: true });
}

/** Finds out, and lets the order's job go on. */
async function reconcileJob({ data: { orderJob } }: Job<UnknownEmail>): Promise<void> {
  await settleUnknown(emails);
  const job = await orders.getJob(orderJob);
  const state = await job?.getState();
  if (state === "failed") await job?.retry();
  else if (state === "active") throw new Error(`order job ${orderJob} has yet to fail: look again`);
}

const options = { connection, lockDuration: patienceMs, stalledInterval: patienceMs };
// A worker that dies takes several jobs along, and one job may meet that more than once.
new Worker("orders", shipOrder, { ...options, concurrency: 4, maxStalledCount: 5 });
new Worker("unknown-emails", reconcileJob, { ...options, maxStalledCount: 5 });
