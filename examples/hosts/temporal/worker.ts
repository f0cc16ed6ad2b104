import { MockActivityEnvironment } from "@temporalio/testing";
import { takeDeliveries } from "../common/deliveries.ts";
import { emailsOf } from "../common/orders.ts";
import { emailOnce } from "./activities.ts";

// Runs the activities in Temporal's own test environment, and stands in for its server and its workflows, whose part
// it is to run an activity again that failed or fell silent.
await takeDeliveries(async ({ order, attempt }) => {
  const workflowExecution = { workflowId: `order-${order.id}`, runId: `run-of-order-${order.id}` };
  for (const [index, email] of emailsOf(order).entries()) {
    const info = { workflowExecution, activityId: `${index + 1}`, attempt };
    await new MockActivityEnvironment(info).run(emailOnce, email);
  }
});
