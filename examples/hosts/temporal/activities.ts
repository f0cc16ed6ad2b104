import { activityInfo } from "@temporalio/activity";
import pg from "pg";
import { createIdempotency, isIdempotencyError } from "with-idempotency";
import { postgresStore } from "with-idempotency/postgres";
import { sendMail } from "../common/mailer.ts";
import type { Mail } from "../common/orders.ts";
import { messageIdOf, settleUnknown, TTL } from "../common/reconcile.ts";
import { settings } from "../common/settings.ts";

const store = postgresStore(new pg.Pool({ connectionString: settings.databaseUrl }));
await store.migrate();
const mails = createIdempotency({
  namespace: "order-mails",
  store,
  lease: { seconds: settings.patienceSeconds },
});

/** An activity that Temporal may run again at any time, and that sends its mail once. */
export async function mailOnce(mail: Mail): Promise<{ messageId: string }> {
  const { workflowExecution, activityId } = activityInfo();
  // The workflow's run and the activity in it: neither the attempt nor the worker.
  const key = [workflowExecution?.workflowId ?? "", workflowExecution?.runId ?? "", activityId];
  try {
    return await mails.withIdempotency(key, TTL, ({ idempotencyKey }) =>
      sendMail(mail, messageIdOf(idempotencyKey)),
    );
  } catch (error) {
    // The retry policy tries again.
    if (isIdempotencyError(error, "OUTCOME_UNKNOWN")) await settleUnknown(mails);
    throw error;
  }
}
