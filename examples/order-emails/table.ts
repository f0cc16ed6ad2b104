import type pc from "picocolors";
import type { Tally } from "./tally.ts";

type Colors = Pick<ReturnType<typeof pc.createColors>, "bold" | "dim" | "green" | "red">;

const NAME_WIDTH = 25;
const CELL_WIDTH = 18;

interface Row {
  name: string;
  figure: (tally: Tally) => number;
  meaning: string;
  oughtToBeZero?: true;
}

const ROWS: readonly Row[] = [
  { name: "events", figure: tally => tally.events, meaning: "what the log delivers, including repetitions" },
  { name: "sends attempted", figure: tally => tally.attempted, meaning: "connections to the SMTP server" },
  { name: "emails delivered", figure: tally => tally.delivered, meaning: "emails in the mailbox" },
  {
    name: "duplicates received",
    figure: tally => tally.duplicates,
    meaning: "emails that a customer already had. Should be 0",
    oughtToBeZero: true,
  },
  { name: "suppressed", figure: tally => tally.suppressed, meaning: "events answered without a send" },
  {
    name: "reconciled",
    figure: tally => tally.found + tally.absent,
    meaning: "emails whose connection was cut, looked up in the mailbox",
  },
  {
    name: "  found in the mailbox",
    figure: tally => tally.found,
    meaning: "they had arrived, and were not sent again",
  },
  { name: "  not there, sent again", figure: tally => tally.absent, meaning: "they had not arrived" },
  {
    name: "rejected for good",
    figure: tally => tally.rejected,
    meaning: "emails to addresses that do not exist",
  },
  {
    name: "lost",
    figure: tally => tally.lost,
    meaning: "emails neither delivered nor rejected. Should be 0",
    oughtToBeZero: true,
  },
];

/** The figures of both runs side by side. Those that ought to be 0 are green where they are, else red. */
export function renderTable(without: Tally, withIt: Tally, colors: Colors): string {
  const line = (name: string, cells: string[]) => name.padEnd(NAME_WIDTH) + cells.join("");
  const rows = ROWS.map(({ name, figure, oughtToBeZero }) => {
    const cells = [without, withIt].map(figure).map(value => {
      const cell = String(value).padStart(CELL_WIDTH);
      if (!oughtToBeZero) return cell;
      return value === 0 ? colors.green(cell) : colors.red(cell);
    });
    return line(name, cells);
  });
  const titles = ["without wrapper", "with wrapper"].map(title => title.padStart(CELL_WIDTH));
  const rule = "-".repeat(NAME_WIDTH + 2 * CELL_WIDTH);
  return [colors.bold(line("", titles)), colors.dim(rule), ...rows].join("\n");
}

/** What each row of the table means. */
export function renderLegend(colors: Colors): string {
  const rows = ROWS.map(({ name, meaning }) => `${name.padEnd(NAME_WIDTH)}${meaning}`);
  return [colors.bold("What the rows mean"), ...rows].join("\n");
}
