import { createIdempotency, fingerprint, interruptedInTransit, isIdempotencyError } from "with-idempotency";
import { emailOf } from "./email.ts";
import { isRejection, type SendMail } from "./mailer.ts";
import type { Notify } from "./workflow.ts";

/** How long after an email its event may come again. */
export const TTL = "24h";

/** Kept in this process; several processes that send the same emails need a `store` which they share. */
export const emails = createIdempotency({
  namespace: "order-emails",
  // "No such mailbox" is kept as the answer; a cut connection leaves the key uncertain; all else may be retried.
  onError: error => (isRejection(error) ? "store" : interruptedInTransit(error) ? "hold" : "release"),
});

/** The Message-ID that an email is sent with and found by. */
export const messageIdOf = (idempotencyKey: string): string => `<${idempotencyKey}@shop.example>`;

/** Sends each email once, however often its event is delivered and wherever its connection is cut. */
export function withWrapper(sendMail: SendMail, reconcile: () => Promise<void>): Notify {
  return async event => {
    const email = emailOf(event);
    // A redelivered event has the same key; one whose data now makes another email has another.
    const key = [event.id, fingerprint(email)];
    try {
      return await emails.withIdempotency(key, TTL, ({ idempotencyKey }) =>
        sendMail(email, messageIdOf(idempotencyKey)),
      );
    } catch (error) {
      if (isIdempotencyError(error, "OUTCOME_UNKNOWN")) await reconcile();
      throw error;
    }
  };
}
