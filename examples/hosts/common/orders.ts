/** What a job is about. */
export interface Order {
  id: number;
}

/** What a reader sees, and the parties that read it. */
export interface Email {
  to: "customer" | "warehouse";
  subject: string;
}

/** What the SMTP server does to the first arrival of an email. */
export type Fate =
  /** Stores it, and cuts the connection instead of saying so. */
  | "unanswered"
  /** Cuts the connection, and stores nothing. */
  | "dropped"
  /** Stores it, and kills the worker that sent it. */
  | "killed"
  /** Kills the worker that sent it, and stores nothing. */
  | "killed-early"
  /** Has no time now. */
  | "busy";

const ORDERS = 12;

// The second email's fate makes the runtime repeat the first one too, wherever it repeats whole jobs.
const FATES: Readonly<Record<string, Fate>> = {
  "warehouse: ship order 1": "unanswered",
  "customer: your order 2 ships": "unanswered",
  "warehouse: ship order 3": "killed",
  "warehouse: ship order 4": "busy",
  "customer: your order 5 ships": "dropped",
  "customer: your order 6 ships": "killed-early",
  "warehouse: ship order 7": "busy",
};

/** The jobs of a run, always the same. */
export const ALL_ORDERS: readonly Order[] = Array.from({ length: ORDERS }, (_, index) => ({ id: index + 1 }));

/** The emails that a job sends, one after the other. */
export function emailsOf({ id }: Order): readonly [Email, Email] {
  return [
    { to: "customer", subject: `your order ${id} ships` },
    { to: "warehouse", subject: `ship order ${id}` },
  ];
}

/** Names an email by its reader and what that reader sees: two with one identity are a duplicate. */
export function identityOf({ to, subject }: Email): string {
  return `${to}: ${subject}`;
}

/** What an email's first arrival meets; undefined: it is accepted. */
export function fateOf(email: Email): Fate | undefined {
  return FATES[identityOf(email)];
}
