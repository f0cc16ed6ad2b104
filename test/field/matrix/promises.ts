import type { Row } from "./run.ts";

/** After these the effect may have happened: no call may run it again. */
const MAY_HAVE_HAPPENED = [
  "reset",
  "closed",
  "silent",
  "cut short",
  "200 HTML",
  "nonsense",
  "502",
  "504",
  "520",
  "524",
];
const NEVER_SENT = ["refused", "unknown host"];

/** These hide which failure it was: they hold even what was never sent. The page says so, and what to do. */
const CANNOT_TELL = ["resend", "postmark", "ioredis"];

/** What a row does against the promises, in words; nothing where it keeps them. */
export function broken({ client: { name }, cells }: Row): string[] {
  const wrong: string[] = [];
  for (const [column, list] of cells)
    for (const { outcome, certain } of list) {
      const what = `${name}, ${column}: ${outcome}`;
      if (MAY_HAVE_HAPPENED.includes(column) && outcome === "released") wrong.push(`${what}: fn ran again`);
      if (MAY_HAVE_HAPPENED.includes(column) && certain) wrong.push(`${what}: not certain at all`);
      if (["408", "500", "503"].includes(column) && certain) wrong.push(`${what}: not certain at all`);
      if (NEVER_SENT.includes(column) && outcome !== "released" && !CANNOT_TELL.includes(name))
        wrong.push(`${what}: nothing was sent`);
    }
  return wrong;
}

/** How many cells a table of these rows has. */
export const count = (rows: readonly Row[]): number =>
  rows.reduce((sum, { cells }) => sum + [...cells.values()].flat().length, 0);
