import { DBOS } from "@dbos-inc/dbos-sdk";
import pg from "pg";
import { createIdempotency, isIdempotencyError, type Key } from "with-idempotency";
import { postgresStore } from "with-idempotency/postgres";
import { sendMail } from "../common/mailer.ts";
import { type Email, emailsOf, type Order } from "../common/orders.ts";
import { messageIdOf, settleUnknown, TTL } from "../common/reconcile.ts";
import { settings } from "../common/settings.ts";

const store = postgresStore(new pg.Pool({ connectionString: settings.databaseUrl }));
await store.migrate();
const emails = createIdempotency({
  namespace: "order-emails",
  store,
  lease: { seconds: settings.patienceSeconds },
});

async function sendOnce(key: Key, email: Email): Promise<{ messageId: string }> {
  try {
    return await emails.withIdempotency(key, TTL, ({ idempotencyKey }) =>
      sendMail(email, messageIdOf(idempotencyKey)),
    );
  } catch (error) {
    // DBOS tries the step again.
    if (isIdempotencyError(error, "OUTCOME_UNKNOWN")) await settleUnknown(emails);
    throw error;
  }
}

const RETRIES = { retriesAllowed: true, maxAttempts: 20, intervalSeconds: 0.5, backoffRate: 1.2 };

/** DBOS keeps the result of each finished step. A step that was running when the process died runs again. */
async function shipOrder(order: Order): Promise<void> {
  for (const email of emailsOf(order)) {
    // The workflow and the side effect, but not the attempt or the process.
    const key = ["ship-order", DBOS.workflowID ?? "", email.to];
    await DBOS.runStep(() => sendOnce(key, email), { ...RETRIES, name: `email the ${email.to}` });
  }
}

DBOS.registerWorkflow(shipOrder, { name: "shipOrder" });
DBOS.setConfig({
  name: "shop",
  systemDatabaseUrl: settings.databaseUrl,
  applicationVersion: "1",
  // The next process with this name recovers the workflows that this one leaves unfinished.
  executorID: settings.workerName,
});
await DBOS.launch();
await DBOS.registerQueue("orders", { workerConcurrency: 4 });
