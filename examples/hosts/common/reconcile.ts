import type { Idempotency } from "with-idempotency";
import { reconcile } from "with-idempotency/reconcile";
import { findEmail } from "./mailer.ts";

/** Longer than all retries of a job take. */
export const TTL = "24h";

/** The Message-ID under which an email is sent, and found again. */
export const messageIdOf = (idempotencyKey: string): string => `<${idempotencyKey}@shop.example>`;

/** Settles the keys whose outcome is unknown by looking for their emails. Several workers at it do no harm. */
export async function settleUnknown(emails: Idempotency): Promise<void> {
  await reconcile(emails, {
    ttl: TTL,
    // This server files an email before it can lose touch; where emails take their time, leave the default of a minute.
    olderThan: "0s",
    async find({ idempotencyKey }) {
      const messageId = messageIdOf(idempotencyKey);
      return (await findEmail(messageId)) ? { happened: true, value: { messageId } } : { happened: false };
    },
  });
}
