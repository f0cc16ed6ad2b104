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
import type { Mail, Order } from "../common/orders.ts";
import { messageIdOf, settleUnknown, TTL } from "../common/reconcile.ts";
import { settings } from "../common/settings.ts";
import { modelFor } from "./model.ts";

const RUN = "shop.example/run";
const MAIL = { to: z.enum(["customer", "warehouse"]), subject: z.string() };

const mails = createIdempotency({
  namespace: "agents",
  store: redisStore(new Redis(settings.redisUrl)),
  lease: { seconds: settings.patienceSeconds },
});

async function mailOnce(run: string, mail: Mail): Promise<{ messageId: string }> {
  // The run, the tool and its arguments: neither the id of the call nor the attempt.
  const key = [run, "send_mail", fingerprint(mail)];
  try {
    return await mails.withIdempotency(key, TTL, ({ idempotencyKey }) =>
      sendMail(mail, messageIdOf(idempotencyKey)),
    );
  } catch (error) {
    // The runtime runs it again.
    if (isIdempotencyError(error, "OUTCOME_UNKNOWN")) await settleUnknown(mails);
    throw error;
  }
}

const server = new McpServer({ name: "mails", version: "1.0.0" });
server.registerTool(
  "send_mail",
  { description: "Sends a mail", inputSchema: MAIL },
  async (mail, { _meta }) => {
    const run = z.string().parse(_meta?.[RUN]);
    return { content: [{ type: "text", text: JSON.stringify(await mailOnce(run, mail)) }] };
  },
);

const client = new Client({ name: "agent", version: "1.0.0" });
const [here, there] = InMemoryTransport.createLinkedPair();
await Promise.all([server.connect(there), client.connect(here)]);

/** What the agent may do. The run's id goes along beside the arguments, which are the model's. */
const toolsFor = (run: string) => ({
  send_mail: tool({
    description: "Sends a mail",
    inputSchema: z.object(MAIL),
    async execute(mail) {
      const { content, isError } = await client.callTool({
        name: "send_mail",
        arguments: mail,
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
