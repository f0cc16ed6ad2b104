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

/** What each row is called, and what it means. */
const ROWS: Readonly<Record<keyof Figures, readonly [name: string, meaning: string]>> = {
  jobs: ["jobs", "orders to tell their customers about, two emails each"],
  completed: ["completed", "jobs that the runtime has marked as done"],
  kills: ["workers killed", "in the middle of a job"],
  emails: ["emails delivered", "emails that lie in the mailbox"],
  duplicates: ["duplicates", "emails that a customer had already. It should be 0"],
  lost: ["lost", "emails that never arrived. It should be 0"],
  uncertain: [
    "looked up",
    "emails whose connection was cut, or whose worker died, looked for in the mailbox",
  ],
  found: ["  had arrived", "of these, and were not sent again. The others were"],
};
const NAMES = Object.keys(ROWS) as (keyof Figures)[];
const NAME_WIDTH = 20;

/** The figures of both runs side by side. */
export function renderTable(without: Figures, withIt: Figures): string {
  const line = (name: string, ...cells: unknown[]) =>
    name.padEnd(NAME_WIDTH) + cells.map(cell => String(cell).padStart(18)).join("");
  const rows = NAMES.map(name => line(ROWS[name][0], without[name], withIt[name]));
  return [line("", "without wrapper", "with wrapper"), ...rows].join("\n");
}

/** What the rows of the table mean. */
export const explainRows = (): string =>
  ["What the rows mean", ...NAMES.map(name => ROWS[name][0].padEnd(NAME_WIDTH) + ROWS[name][1])].join("\n");
