import { activityInfo } from "@temporalio/activity";
import pg from "pg";
import { createIdempotency, isIdempotencyError } from "with-idempotency";
import { postgresStore } from "with-idempotency/postgres";
import { sendMail } from "../common/mailer.ts";
import type { Email } from "../common/orders.ts";
import { messageIdOf, settleUnknown, TTL } from "../common/reconcile.ts";
import { settings } from "../common/settings.ts";

const store = postgresStore(new pg.Pool({ connectionString: settings.databaseUrl }));
await store.migrate();
const emails = createIdempotency({
  namespace: "order-emails",
  store,
  lease: { seconds: settings.patienceSeconds },
});

/** An activity that Temporal may run again at any time, and that sends its email once. */
export async function emailOnce(email: Email): Promise<{ messageId: string }> {
  const { workflowExecution, activityId } = activityInfo();
  // The workflow run and its activity, but not the attempt or the worker.
  const key = [workflowExecution?.workflowId ?? "", workflowExecution?.runId ?? "", activityId];
  try {
    return await emails.withIdempotency(key, TTL, ({ idempotencyKey }) =>
      sendMail(email, messageIdOf(idempotencyKey)),
    );
  } catch (error) {
    // The retry policy tries again.
    if (isIdempotencyError(error, "OUTCOME_UNKNOWN")) await settleUnknown(emails);
    throw error;
  }
}
