import { env } from "cloudflare:workers";
import { createIdempotency, isIdempotencyError } from "with-idempotency";
import { d1Store } from "with-idempotency/sqlite";
import { type Keys, keysStore } from "./keys.ts";

export { Keys } from "./keys.ts";

interface Order {
  id: number;
  email: string;
}

declare global {
  namespace Cloudflare {
    /** What wrangler.jsonc binds: `wrangler types` writes it for you. */
    interface Env {
      DB: D1Database;
      KEYS: DurableObjectNamespace<Keys>;
      /** Where the keys are kept: `"d1"` or `"objects"`. */
      STORE: string;
      ORDERS: Queue<Order>;
      /** The email provider. */
      MAIL: Fetcher;
    }
  }
}

// Once for each isolate, so that its calls with one key share a run.
const { withIdempotency } = createIdempotency({
  store: env.STORE === "objects" ? keysStore(env.KEYS) : d1Store(env.DB),
  namespace: "shipping",
  // The queue delivers the message again soon: better than to wait for another delivery of it, which costs time.
  onConflict: "reject",
});

export default {
  /** An order was shipped: puts a message into the queue. */
  async fetch(request) {
    await env.ORDERS.send(await request.json<Order>());
    return new Response(null, { status: 202 });
  },

  /** A queue delivers at least once: again after a crash, a timeout or a retry. */
  async queue(batch) {
    for (const message of batch.messages) {
      const { id, email } = message.body;
      try {
        await withIdempotency(["order-shipped", id], "24h", execution =>
          send(email, execution.idempotencyKey),
        );
        message.ack();
      } catch (error) {
        // Nobody knows whether the email went out, and a retry would not know more: an operator looks at it.
        if (isIdempotencyError(error, "OUTCOME_UNKNOWN")) message.ack();
        else message.retry({ delaySeconds: 1 });
      }
    }
  },

  /** By a cron trigger: removes from D1 what claims have not. */
  async scheduled() {
    await d1Store(env.DB).purge();
  },
} satisfies ExportedHandler<Cloudflare.Env, Order>;

async function send(email: string, idempotencyKey: string): Promise<string> {
  const headers = { "Idempotency-Key": idempotencyKey };
  const response = await env.MAIL.fetch("https://mail.example/send", {
    method: "POST",
    headers,
    body: email,
  });
  const { ok, status } = response;
  // With its status: 503 frees the key for the next delivery, 504 leaves the outcome unknown.
  if (!ok) throw Object.assign(new Error(`the provider answered ${status}`), { status });
  return response.text();
}
