import type { Ledger } from "./mail-server.ts";
import { ALL_ORDERS, emailsOf, identityOf } from "./orders.ts";

/** What came of a run, by what the SMTP server has received. */
export interface Figures {
  jobs: number;
  /** Jobs that the runtime has completed. */
  completed: number;
  /** Workers killed in mid-job. */
  kills: number;
  emails: number;
  duplicates: number;
  lost: number;
  /** Emails whose outcome was unknown, and was looked up. */
  uncertain: number;
  /** Those that had arrived; the others were sent again. */
  found: number;
}

/** Compares the emails that the jobs ask for with those that the server has. */
export function figuresOf(completed: number, kills: number, ledger: Readonly<Ledger>): Figures {
  const received = new Set(ledger.mailbox.map(identityOf));
  const wanted = ALL_ORDERS.flatMap(emailsOf).map(identityOf);
  return {
    jobs: ALL_ORDERS.length,
    completed,
    kills,
    emails: ledger.mailbox.length,
    duplicates: ledger.mailbox.length - received.size,
    lost: wanted.filter(identity => !received.has(identity)).length,
    uncertain: ledger.lookups.size,
    found: [...ledger.lookups.values()].filter(Boolean).length,
  };
}

/** The figures of both runs side by side. */
export function renderTable(without: Figures, withIt: Figures): string {
  const line = (name: string, ...cells: unknown[]) =>
    name.padEnd(12) + cells.map(cell => String(cell).padStart(18)).join("");
  const names = Object.keys(without) as (keyof Figures)[];
  const rows = names.map(name => line(name, without[name], withIt[name]));
  return [line("", "without wrapper", "with wrapper"), ...rows].join("\n");
}
