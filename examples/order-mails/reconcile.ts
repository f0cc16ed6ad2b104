import type { Key } from "with-idempotency";
import { mails, messageIdOf, TTL } from "./with-wrapper.ts";

/** Looks a mail up where it lies if it has arrived. */
type FindMail = (messageId: string) => Promise<boolean>;

/** What became of the mails of unknown fate. */
export interface Reconciled {
  /** They had arrived. */
  found: number;
  /** They had not, and were set free to be sent again. */
  absent: number;
}

/** Settles keys whose outcome is unknown by looking for their mail. */
interface Reconciler {
  reconcile(key: Key): Promise<void>;
  reconciled: Reconciled;
}

/**
 * Makes a reconciler that settles one key at a time: `forget` frees a key whatever it has become, and so must not
 * meet the run that an earlier look has set off.
 */
export function createReconciler(findMail: FindMail): Reconciler {
  const reconciled: Reconciled = { found: 0, absent: 0 };
  let last = Promise.resolve();

  async function settle(key: Key): Promise<void> {
    const known = await mails.inspect(key);
    if (known?.state !== "uncertain") return;
    const messageId = messageIdOf(known.idempotencyKey);
    // This server files a mail before it can lose touch; where mails take their time, look again before `forget`.
    if (await findMail(messageId)) {
      reconciled.found += 1;
      await mails.resolve(key, TTL, { messageId });
    } else {
      reconciled.absent += 1;
      await mails.forget(key);
    }
  }

  function reconcile(key: Key): Promise<void> {
    last = last.catch(() => {}).then(() => settle(key));
    return last;
  }

  return { reconcile, reconciled };
}
