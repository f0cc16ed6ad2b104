import type { Progress } from "../common/progress.ts";
import type { OrderEvent } from "./events.ts";
import { createMailer } from "./mailer.ts";
import { createReconciler, type Reconciled } from "./reconcile.ts";
import { type Ledger, startMailServer } from "./smtp-server.ts";
import { type Tally, tally } from "./tally.ts";
import { withWrapper } from "./with-wrapper.ts";
import { withoutWrapper } from "./without-wrapper.ts";
import { type Notify, runWorkflow } from "./workflow.ts";

interface SetUp {
  title: string;
  notify: Notify;
  reconciled: Reconciled;
}

function setUp(wrapped: boolean, port: number, ledger: Readonly<Ledger>): SetUp {
  const sendMail = createMailer(port);
  if (!wrapped) {
    const reconciled = { found: 0, absent: 0 };
    return { title: "Without the wrapper", notify: withoutWrapper(sendMail), reconciled };
  }
  const { reconcile, reconciled } = createReconciler(async messageId =>
    ledger.mailbox.some(email => email.messageId === messageId),
  );
  return { title: "With the wrapper", notify: withWrapper(sendMail, reconcile), reconciled };
}

/** Handles a log against an SMTP server of its own, and counts what that server has received. */
export async function runOnce(
  events: readonly OrderEvent[],
  wrapped: boolean,
  progress: Progress,
): Promise<Tally> {
  const { port, ledger, close } = await startMailServer();
  try {
    const { title, notify, reconciled } = setUp(wrapped, port, ledger);
    let handled = 0;
    const status = () => `${title}: events ${handled} of ${events.length}, emails ${ledger.mailbox.length}`;
    const answered = await runWorkflow(events, notify, ({ id }, failure) => {
      handled += 1;
      if (failure !== undefined) progress.line(`${title}: gave up ${id}: ${failure}`);
      progress.show(status());
    });
    progress.line(status());
    return tally(events, ledger, { answered, ...reconciled });
  } finally {
    await close();
  }
}
