import { Queue } from "bullmq";
import type { Host } from "../common/run.ts";

/** BullMQ, whose stalled jobs another worker takes over. */
export const bullmq: Host = {
  name: "BullMQ",
  packages: ["bullmq"],
  worker: new URL("worker.ts", import.meta.url),
  server: "redis",
  async open(url) {
    const queue = new Queue("orders", { connection: { url } });
    const opts = { attempts: 20, backoff: { type: "exponential", delay: 100 } };
    return {
      async add(orders) {
        await queue.addBulk(
          orders.map(data => ({ name: "ship", data, opts: { ...opts, jobId: `order-${data.id}` } })),
        );
      },
      completed: () => queue.getCompletedCount(),
      close: () => queue.close(),
    };
  },
};
