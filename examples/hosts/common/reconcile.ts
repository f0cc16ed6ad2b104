import type { Idempotency } from "with-idempotency";
import { reconcile } from "with-idempotency/reconcile";
import { findEmail } from "./mailer.ts";

/** Longer than all retries of a job together. */
export const TTL = "24h";

/** The Message-ID that an email is sent with and found by. */
export const messageIdOf = (idempotencyKey: string): string => `<${idempotencyKey}@shop.example>`;

/** Settles uncertain keys by looking for their emails. Several workers may do so at once. */
export async function settleUnknown(emails: Idempotency): Promise<void> {
  await reconcile(emails, {
    ttl: TTL,
    // This server stores an email before it cuts the connection. For a slower one, keep the default of a minute.
    olderThan: "0s",
    async find({ idempotencyKey }) {
      const messageId = messageIdOf(idempotencyKey);
      return (await findEmail(messageId)) ? { happened: true, value: { messageId } } : { happened: false };
    },
  });
}
