import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { generateText, stepCountIs, tool } from "ai";
import { Redis } from "ioredis";
import { createIdempotency, fingerprint, isIdempotencyError } from "with-idempotency";
import { redisStore } from "with-idempotency/redis";
import { z } from "zod";
import { takeDeliveries } from "../common/deliveries.ts";
import { sendMail } from "../common/mailer.ts";
import type { Email, Order } from "../common/orders.ts";
import { messageIdOf, settleUnknown, TTL } from "../common/reconcile.ts";
import { settings } from "../common/settings.ts";
import { modelFor } from "./model.ts";

const RUN = "shop.example/run";
const EMAIL = { to: z.enum(["customer", "warehouse"]), subject: z.string() };

const emails = createIdempotency({
  namespace: "agents",
  store: redisStore(new Redis(settings.redisUrl)),
  lease: { seconds: settings.patienceSeconds },
});

async function emailOnce(run: string, email: Email): Promise<{ messageId: string }> {
  // The run, the tool and its arguments: neither the id of the call nor the attempt.
  const key = [run, "send_email", fingerprint(email)];
  try {
    return await emails.withIdempotency(key, TTL, ({ idempotencyKey }) =>
      sendMail(email, messageIdOf(idempotencyKey)),
    );
  } catch (error) {
    // The runtime runs it again.
    if (isIdempotencyError(error, "OUTCOME_UNKNOWN")) await settleUnknown(emails);
    throw error;
  }
}

const server = new McpServer({ name: "emails", version: "1.0.0" });
server.registerTool(
  "send_email",
  { description: "Sends an email", inputSchema: EMAIL },
  async (email, { _meta }) => {
    const run = z.string().parse(_meta?.[RUN]);
    return { content: [{ type: "text", text: JSON.stringify(await emailOnce(run, email)) }] };
  },
);

const client = new Client({ name: "agent", version: "1.0.0" });
const [here, there] = InMemoryTransport.createLinkedPair();
await Promise.all([server.connect(there), client.connect(here)]);

/** What the agent may do. The run's id goes along beside the arguments, which are the model's. */
const toolsFor = (run: string) => ({
  send_email: tool({
    description: "Sends an email",
    inputSchema: z.object(EMAIL),
    async execute(email) {
      const { content, isError } = await client.callTool({
        name: "send_email",
        arguments: email,
        _meta: { [RUN]: run },
      });
      if (isError) throw new Error(JSON.stringify(content));
      return content;
    },
  }),
});

async function shipOrder(order: Order): Promise<void> {
  const { steps } = await generateText({
    model: modelFor(order),
    tools: toolsFor(`ship-order-${order.id}`),
    prompt: `Order ${order.id} ships. Tell the customer and the warehouse.`,
    stopWhen: stepCountIs(10),
  });
  const failed = steps.flatMap(({ content }) => content).find(({ type }) => type === "tool-error");
  if (failed !== undefined) throw new Error("a tool failed");
}

await takeDeliveries(({ order }) => shipOrder(order));
