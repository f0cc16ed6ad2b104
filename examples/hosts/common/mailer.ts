import nodemailer from "nodemailer";
import type { Email } from "./orders.ts";
import { settings } from "./settings.ts";

const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port: settings.smtpPort,
  ignoreTLS: true,
  // What a worker calls itself: the SMTP server kills some of them.
  name: `worker-${process.pid}`,
  socketTimeout: 10_000,
});

/** Sends one email over a connection of its own; rejects unless the server has said that it accepts it. */
export async function sendMail({ to, subject }: Email, messageId: string): Promise<{ messageId: string }> {
  const addresses = { from: "orders@shop.example", to: `${to}@shop.example` };
  await transport.sendMail({ ...addresses, subject, text: subject, messageId });
  return { messageId };
}

/** Looks an email up where it lies if it has arrived: over IMAP or a provider's API, elsewhere. */
export async function findEmail(messageId: string): Promise<boolean> {
  const { ok, status } = await fetch(new URL(encodeURIComponent(messageId), settings.mailboxUrl));
  if (!ok && status !== 404) throw new Error(`expected 200 or 404 from the mailbox; got ${status}`);
  return ok;
}
