import { withIdempotency } from "with-idempotency";

// Stands for your email provider's client.
async function sendEmail(to: string, subject: string, idempotencyKey: string) {
  console.log(`Sent to ${to}: ${subject}`);
  return { messageId: `<${idempotencyKey}@shop.example>` };
}

const notifyShipped = (orderId: number) =>
  withIdempotency(["order-shipped", orderId], "24h", ({ idempotencyKey }) =>
    sendEmail("mira@example.com", `Order ${orderId} is on its way`, idempotencyKey),
  );

const first = await notifyShipped(1041);
const retry = await notifyShipped(1041);
console.log(`The retry got the first call's result: ${retry.messageId === first.messageId}`);
