import { Inngest } from "inngest";
import pg from "pg";
import { createIdempotency, isIdempotencyError } from "with-idempotency";
import { postgresStore } from "with-idempotency/postgres";
import { sendMail } from "../common/mailer.ts";
import { type Mail, mailsOf, type Order } from "../common/orders.ts";
import { messageIdOf, settleUnknown, TTL } from "../common/reconcile.ts";
import { settings } from "../common/settings.ts";

const store = postgresStore(new pg.Pool({ connectionString: settings.databaseUrl }));
await store.migrate();
const mails = createIdempotency({
  namespace: "order-mails",
  store,
  lease: { seconds: settings.patienceSeconds },
});

async function mailOnce(key: string[], mail: Mail): Promise<{ messageId: string }> {
  try {
    return await mails.withIdempotency(key, TTL, ({ idempotencyKey }) =>
      sendMail(mail, messageIdOf(idempotencyKey)),
    );
  } catch (error) {
    // Inngest tries again.
    if (isIdempotencyError(error, "OUTCOME_UNKNOWN")) await settleUnknown(mails);
    throw error;
  }
}

/** Inngest keeps the result of each finished step; one whose answer it did not get runs again. */
export const shipOrder = new Inngest({ id: "shop" }).createFunction(
  { id: "ship-order", retries: 10, triggers: [{ event: "order.shipped" }] },
  async ({ event, step }) => {
    for (const mail of mailsOf(event.data as Order)) {
      const id = `mail the ${mail.to}`;
      // The event, whose id its sender gave it, and the step: neither the attempt nor the worker.
      await step.run(id, () => mailOnce(["ship-order", event.id ?? "", id], mail));
    }
  },
);
