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

/** DBOS keeps the result of each finished step; the step that was going on when the process died runs again. */
async function shipOrder(order: Order): Promise<void> {
  for (const email of emailsOf(order)) {
    // The workflow, and what it does once: neither the attempt nor the process.
    const key = ["ship-order", DBOS.workflowID ?? "", email.to];
    await DBOS.runStep(() => sendOnce(key, email), { ...RETRIES, name: `email the ${email.to}` });
  }
}

DBOS.registerWorkflow(shipOrder, { name: "shipOrder" });
DBOS.setConfig({
  name: "shop",
  systemDatabaseUrl: settings.databaseUrl,
  applicationVersion: "1",
  // The process that takes this name next recovers the workflows that this one leaves.
  executorID: settings.workerName,
});
await DBOS.launch();
await DBOS.registerQueue("orders", { workerConcurrency: 4 });
