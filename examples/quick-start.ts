import { withIdempotency } from "with-idempotency";

// Stands for a mail provider's client.
async function sendMail(to: string, subject: string, idempotencyKey: string): Promise<{ messageId: string }> {
  console.log(`Sent to ${to}: ${subject}`);
  return { messageId: `<${idempotencyKey}@shop.example>` };
}

/** Tells a customer that an order has left: once, however often this is called within 24 hours. */
function notifyShipped(orderId: number): Promise<{ messageId: string }> {
  return withIdempotency(["order-shipped", orderId], "24h", ({ idempotencyKey }) =>
    sendMail("mira@example.com", `Order ${orderId} is on its way`, idempotencyKey),
  );
}

const first = await notifyShipped(1041);
const retry = await notifyShipped(1041);
console.log(`The retry got the first call's result: ${retry.messageId === first.messageId}`);
