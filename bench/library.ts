import { randomUUID } from "node:crypto";
import type * as Library from "with-idempotency";

/** An entry of the built package, as an application loads it. */
export const built = <T>(entry: string): Promise<T> =>
  import(new URL(`../dist/${entry}.js`, import.meta.url).href);

export const library: typeof Library = await built("index");

/** What `fn` answers with: a small object, as a provider's receipt is. */
export const receipt = (n: number) => ({ messageId: `<${n}@mail.example>`, accepted: true, recipients: 1 });

/** A larger answer, of 300 characters: an order as a shop's API returns it. */
export const nested = {
  order: { id: "ord_8f3b21", status: "accepted", total: { amount: 129.9, currency: "EUR" } },
  lines: [
    { sku: "shirt-blue-m", quantity: 2, price: 39.95 },
    { sku: "cap-black", quantity: 1, price: 50 },
  ],
  email: {
    messageId: "<81723@mail.example>",
    accepted: true,
    recipients: ["a@example.org"],
    sentAt: 1764201600,
  },
};

export const keyOf = (n: number) => `order-shipped:${n}`;

/** What a careful hand fences a claim with: another for each. Node.js draws the bytes of 128 of them at a time. */
export const tokenOf = (): string => randomUUID();

export const TTL = "24h";
export const TTL_MS = 24 * 60 * 60 * 1000;
