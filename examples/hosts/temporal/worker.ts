import { MockActivityEnvironment } from "@temporalio/testing";
import { takeDeliveries } from "../common/deliveries.ts";
import { mailsOf } from "../common/orders.ts";
import { mailOnce } from "./activities.ts";

// Runs the activities in Temporal's own test environment, and stands in for its server and its workflows, whose part
// it is to run an activity again that failed or fell silent.
await takeDeliveries(async ({ order, attempt }) => {
  const workflowExecution = { workflowId: `order-${order.id}`, runId: `run-of-order-${order.id}` };
  for (const [index, mail] of mailsOf(order).entries()) {
    const info = { workflowExecution, activityId: `${index + 1}`, attempt };
    await new MockActivityEnvironment(info).run(mailOnce, mail);
  }
});
