import type { Idempotency } from "with-idempotency";
import { reconcile } from "with-idempotency/reconcile";
import { findMail } from "./mailer.ts";

/** Longer than all retries of a job take. */
export const TTL = "24h";

/** The Message-ID under which a mail is sent, and found again. */
export const messageIdOf = (idempotencyKey: string): string => `<${idempotencyKey}@shop.example>`;

/** Settles the keys whose outcome is unknown by looking for their mails. Several workers at it do no harm. */
export async function settleUnknown(mails: Idempotency): Promise<void> {
  await reconcile(mails, {
    ttl: TTL,
    // This server files a mail before it can lose touch; where mails take their time, leave the default of a minute.
    olderThan: "0s",
    async find({ idempotencyKey }) {
      const messageId = messageIdOf(idempotencyKey);
      return (await findMail(messageId)) ? { happened: true, value: { messageId } } : { happened: false };
    },
  });
}
