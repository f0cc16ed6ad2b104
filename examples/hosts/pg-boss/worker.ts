import pg from "pg";
import PgBoss from "pg-boss";
import { createIdempotency, isIdempotencyError } from "with-idempotency";
import { postgresStore } from "with-idempotency/postgres";
import { sendMail } from "../common/mailer.ts";
import { emailsOf, type Order } from "../common/orders.ts";
import { messageIdOf, settleUnknown, TTL } from "../common/reconcile.ts";
import { settings } from "../common/settings.ts";

const CONCURRENCY = 4;

const store = postgresStore(new pg.Pool({ connectionString: settings.databaseUrl }));
await store.migrate();
const emails = createIdempotency({
  namespace: "order-emails",
  store,
  lease: { seconds: settings.patienceSeconds },
});

async function shipOrder([job]: PgBoss.Job<Order>[]): Promise<void> {
  if (job === undefined) return;
  for (const email of emailsOf(job.data)) {
    // The job and the side effect, but not the attempt or the worker.
    const key = ["ship-order", job.id, email.to];
    try {
      await emails.withIdempotency(key, TTL, ({ idempotencyKey }) =>
        sendMail(email, messageIdOf(idempotencyKey)),
      );
    } catch (error) {
      // pg-boss tries again.
      if (isIdempotencyError(error, "OUTCOME_UNKNOWN")) await settleUnknown(emails);
      throw error;
    }
  }
}

const boss = new PgBoss({
  connectionString: settings.databaseUrl,
  maintenanceIntervalSeconds: 1, // How often it looks for jobs that have expired.
});
boss.on("error", error => console.error(error));
await boss.start();
for (let worker = 1; worker <= CONCURRENCY; worker += 1) {
  await boss.work<Order>("ship-order", { pollingIntervalSeconds: 0.5 }, shipOrder);
}
