import { type Job, Queue, UnrecoverableError, Worker } from "bullmq";
import { Redis } from "ioredis";
import { createIdempotency, isIdempotencyError } from "with-idempotency";
import { redisStore } from "with-idempotency/redis";
import { sendMail } from "../common/mailer.ts";
import { type Email, emailsOf, type Order } from "../common/orders.ts";
import { messageIdOf, settleUnknown, TTL } from "../common/reconcile.ts";
import { settings } from "../common/settings.ts";

/** An email whose outcome is unknown. */
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

// The job and the side effect, but not the attempt or the worker.
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

/** Queues a job that looks into it, only one per email at a time. */
async function reportUnknown(unknown: UnknownEmail): Promise<void> {
  const retries = { attempts: 20, backoff: { type: "fixed", delay: 500 } };
  const deduplication = { id: `${unknown.orderJob}/${unknown.to}` };
  await unknownEmails.add("reconcile", unknown, { ...retries, deduplication, removeOnComplete: true });
}

/** Settles the key and retries the order's job. */
async function reconcileJob({ data: { orderJob } }: Job<UnknownEmail>): Promise<void> {
  await settleUnknown(emails);
  const job = await orders.getJob(orderJob);
  const state = await job?.getState();
  if (state === "failed") await job?.retry();
  else if (state === "active") throw new Error(`order job ${orderJob} has yet to fail: look again`);
}

const options = { connection, lockDuration: patienceMs, stalledInterval: patienceMs };
// When a worker dies, several of its jobs stall, and one job may stall more than once.
new Worker("orders", shipOrder, { ...options, concurrency: 4, maxStalledCount: 5 });
new Worker("unknown-emails", reconcileJob, { ...options, maxStalledCount: 5 });
