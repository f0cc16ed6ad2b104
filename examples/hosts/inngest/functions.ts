import { Inngest } from "inngest";
import pg from "pg";
import { createIdempotency, isIdempotencyError } from "with-idempotency";
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

async function emailOnce(key: string[], email: Email): Promise<{ messageId: string }> {
  try {
    return await emails.withIdempotency(key, TTL, ({ idempotencyKey }) =>
      sendMail(email, messageIdOf(idempotencyKey)),
    );
  } catch (error) {
    // Inngest tries again.
    if (isIdempotencyError(error, "OUTCOME_UNKNOWN")) await settleUnknown(emails);
    throw error;
  }
}

/** Inngest keeps the result of each finished step. A step whose answer it did not get runs again. */
export const shipOrder = new Inngest({ id: "shop" }).createFunction(
  { id: "ship-order", retries: 10, triggers: [{ event: "order.shipped" }] },
  async ({ event, step }) => {
    for (const email of emailsOf(event.data as Order)) {
      const id = `email the ${email.to}`;
      // The event, with the id from its sender, and the step, but not the attempt or the worker.
      await step.run(id, () => emailOnce(["ship-order", event.id ?? "", id], email));
    }
  },
);
