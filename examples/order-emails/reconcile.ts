import { reconcile } from "with-idempotency/reconcile";
import { emails, messageIdOf, TTL } from "./with-wrapper.ts";

/** Looks an email up where it lies if it has arrived. */
type FindEmail = (messageId: string) => Promise<boolean>;

/** What became of the emails of unknown fate. */
export interface Reconciled {
  /** They had arrived. */
  found: number;
  /** They had not, and were set free to be sent again. */
  absent: number;
}

/** Settles keys whose outcome is unknown by looking for their emails. */
interface Reconciler {
  reconcile(): Promise<void>;
  reconciled: Reconciled;
}

/** Makes a reconciler. A service would call `startReconciler` once; here whoever meets an unknown outcome waits for it. */
export function createReconciler(findEmail: FindEmail): Reconciler {
  const reconciled: Reconciled = { found: 0, absent: 0 };

  async function pass(): Promise<void> {
    const { resolved, reopened } = await reconcile(emails, {
      ttl: TTL,
      // This server stores an email before it cuts the connection. For a slower one, keep the default of a minute.
      olderThan: "0s",
      async find({ idempotencyKey }) {
        const messageId = messageIdOf(idempotencyKey);
        return (await findEmail(messageId)) ? { happened: true, value: { messageId } } : { happened: false };
      },
    });
    reconciled.found += resolved;
    reconciled.absent += reopened;
  }

  // One pass after the other, so that none counts what another has settled.
  let last = Promise.resolve();
  return {
    reconcile() {
      last = last.then(pass);
      return last;
    },
    reconciled,
  };
}
