import { InngestTestEngine } from "@inngest/test";
import { takeDeliveries } from "../common/deliveries.ts";
import { shipOrder } from "./functions.ts";

// Runs the function in Inngest's own test engine, and stands in for its server, whose part it is to run a function
// again that failed or fell silent. It keeps no finished steps: each delivery runs them all.
await takeDeliveries(async ({ order }) => {
  const event = { name: "order.shipped", id: `order-${order.id}`, data: order };
  const { error } = await new InngestTestEngine({ function: shipOrder, events: [event] }).execute();
  if (error !== undefined) throw error;
});
