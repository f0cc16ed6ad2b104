import { env } from "cloudflare:workers";
import { d1Store } from "with-idempotency/sqlite";
import worker from "../../../../../examples/cloudflare-worker/worker.ts";

export { Keys } from "../../../../../examples/cloudflare-worker/worker.ts";

// How often each order was delivered, and which are done with.
const deliveries: Record<string, number> = {};
const done: Record<string, number> = {};

/** The example's Worker, on a queue that forgets the first acknowledgement of each message. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/migrate") return Response.json((await d1Store(env.DB).migrate()) ?? null);
    if (pathname === "/deliveries") return Response.json({ deliveries, done });
    return worker.fetch(request as never);
  },

  queue: (batch: Parameters<typeof worker.queue>[0]) =>
    worker.queue({
      ...batch,
      messages: batch.messages.map(message => {
        const { id, body, attempts } = message;
        deliveries[body.email] = (deliveries[body.email] ?? 0) + 1;
        const ack = () => {
          if (attempts === 1) return message.retry();
          done[body.email] = (done[body.email] ?? 0) + 1;
          message.ack();
        };
        return { ...message, id, body, attempts, ack, retry: () => message.retry() };
      }),
    } as never),
};
