import nodemailer from "nodemailer";
import type { Email } from "./email.ts";

/** What is known of an email that was accepted. */
interface Receipt {
  messageId: string;
}

/** Sends one email over a connection of its own; rejects unless the server has said that it accepts it. */
export type SendMail = (email: Email, messageId?: string) => Promise<Receipt>;

/** A client for the SMTP server on that port of this machine. */
export function createMailer(port: number): SendMail {
  const transport = nodemailer.createTransport({
    host: "127.0.0.1",
    port,
    ignoreTLS: true,
    connectionTimeout: 2_000,
    greetingTimeout: 2_000,
    socketTimeout: 5_000,
  });
  return async (email, messageId) => {
    const sent = await transport.sendMail({ from: "orders@shop.example", ...email, messageId });
    return { messageId: sent.messageId };
  };
}

/** Whether the server has said no for good (5xx): an answer too, and no reason to try again. */
export function isRejection(error: unknown): boolean {
  return error instanceof Error && "responseCode" in error && Number(error.responseCode) >= 500;
}
