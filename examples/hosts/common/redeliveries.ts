import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { Order } from "./orders.ts";
import type { Jobs } from "./run.ts";

/** A job as it is handed to a worker. */
export interface Delivery {
  order: Order;
  /** From 1. */
  attempt: number;
}

interface Task extends Delivery {
  /** When it may be handed out, by `performance.now()`. */
  dueAt: number;
  completed: boolean;
}

const RETRY_MS = 500;

function createTasks(silenceMs: number) {
  const tasks = new Map<number, Task>();
  return {
    tasks,
    next(): Delivery | undefined {
      const now = performance.now();
      const task = [...tasks.values()].find(({ completed, dueAt }) => !completed && dueAt <= now);
      if (task === undefined) return undefined;
      task.attempt += 1;
      task.dueAt = now + silenceMs;
      return { order: task.order, attempt: task.attempt };
    },
    report({ id, completed }: { id: number; completed: boolean }): void {
      const task = tasks.get(id);
      if (task === undefined) return;
      task.completed ||= completed;
      task.dueAt = performance.now() + RETRY_MS;
    },
  };
}

/**
 * Stands in for the server of a runtime: hands jobs to its workers over HTTP, and again after a failure or a silence.
 * Workers get its address as QUEUE_URL.
 */
export async function startRedeliveries(silenceMs: number): Promise<Jobs> {
  const { tasks, next, report } = createTasks(silenceMs);
  const server = createServer(async (request, response) => {
    if (request.method === "POST") report((await json(request)) as Parameters<typeof report>[0]);
    response.end(JSON.stringify(request.method === "POST" ? null : (next() ?? null)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    env: { QUEUE_URL: `http://127.0.0.1:${port}/` },
    async add(orders) {
      for (const order of orders) tasks.set(order.id, { order, attempt: 0, dueAt: 0, completed: false });
    },
    completed: async () => [...tasks.values()].filter(({ completed }) => completed).length,
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
