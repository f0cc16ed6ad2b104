import type { OrderEvent } from "./events.ts";

/** What a customer reads. */
export interface Email {
  to: string;
  subject: string;
  text: string;
}

const SUBJECTS: Record<OrderEvent["type"], string> = {
  "order.placed": "We have your order",
  "order.paid": "We have received your payment for",
  "order.shipped": "On its way: your order",
  "order.delivered": "Delivered: your order",
  "order.cancelled": "Cancelled: your order",
};

/** The email that an event asks for: the same event with the same data gives the same email, to the letter. */
export function emailOf({ id, type, order, customer, details }: OrderEvent): Email {
  const subject = `${SUBJECTS[type]} ${order}`;
  const lines = Object.entries(details).map(([name, value]) => `${name}: ${value}`);
  return {
    to: customer.email,
    subject,
    text: [`Dear ${customer.name},`, subject, ...lines, `Reference: ${id}`].join("\n"),
  };
}

/**
 * Names an email by its reader and what that reader sees: two received emails of one identity are a duplicate. White
 * space may change on the way.
 */
export function identityOf({ to, text }: Email): string {
  return `${to.toLowerCase()} ${text.replace(/\s+/g, " ").trim()}`;
}
