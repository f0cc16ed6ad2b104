import type { Idempotency, Key } from "with-idempotency";
import { findMail } from "./mailer.ts";

/** Longer than all retries of a job take. */
export const TTL = "24h";

/** The Message-ID under which a mail is sent, and found again. */
export const messageIdOf = (idempotencyKey: string): string => `<${idempotencyKey}@shop.example>`;

/**
 * Settles a key whose outcome is unknown by looking for its mail. One at a time for each key: `forget` frees it
 * whatever it has become.
 */
export async function reconcile(mails: Idempotency, key: Key): Promise<void> {
  const known = await mails.inspect(key);
  if (known?.state !== "uncertain") return;
  const messageId = messageIdOf(known.idempotencyKey);
  // This server files a mail before it can lose touch; where mails take their time, look again before `forget`.
  if (await findMail(messageId)) await mails.resolve(key, TTL, { messageId });
  else await mails.forget(key);
}
