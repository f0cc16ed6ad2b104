import { emailOf, identityOf } from "./email.ts";
import type { OrderEvent } from "./events.ts";
import type { Ledger } from "./smtp-server.ts";

/** What came of a run, by what the SMTP server has received. */
export interface Tally {
  events: number;
  /** Connections that the server has seen: one for each attempt to send. */
  attempted: number;
  delivered: number;
  /** Emails that the server had received before. */
  duplicates: number;
  /** Events that got their answer although the server was not asked on their behalf. */
  suppressed: number;
  /** Emails of unknown fate that were in the mailbox. */
  found: number;
  /** Emails of unknown fate that were not, and had to be sent again. */
  absent: number;
  /** Emails that the server would not take, for good. */
  rejected: number;
  /** Emails that were neither delivered nor rejected. */
  lost: number;
}

/** What only the workflow knows of a run. */
type Handled = Pick<Tally, "found" | "absent"> & { answered: number };

/** Compares the emails that a log asks for with those that the server has. */
export function tally(events: readonly OrderEvent[], ledger: Readonly<Ledger>, handled: Handled): Tally {
  const received = new Set(ledger.mailbox.map(identityOf));
  const wanted = new Map(events.map(emailOf).map(email => [identityOf(email), email.to.toLowerCase()]));
  const missing = [...wanted].filter(([identity]) => !received.has(identity)).map(([, address]) => address);
  const rejected = missing.filter(address => ledger.unknownAddresses.has(address)).length;
  return {
    events: events.length,
    attempted: ledger.connections,
    delivered: ledger.mailbox.length,
    duplicates: ledger.mailbox.length - received.size,
    suppressed: handled.answered - handled.found - ledger.answers,
    found: handled.found,
    absent: handled.absent,
    rejected,
    lost: missing.length - rejected,
  };
}
