import type pc from "picocolors";
import type { Tally } from "./tally.ts";

type Colors = Pick<ReturnType<typeof pc.createColors>, "bold" | "dim" | "green" | "red">;

const NAME_WIDTH = 25;
const CELL_WIDTH = 18;

// Name and figure of each row, and whether that figure ought to be 0.
const ROWS: readonly (readonly [name: string, figure: (tally: Tally) => number, oughtToBeZero?: true])[] = [
  ["events", tally => tally.events],
  ["sends attempted", tally => tally.attempted],
  ["mails delivered", tally => tally.delivered],
  ["duplicates received", tally => tally.duplicates, true],
  ["suppressed", tally => tally.suppressed],
  ["reconciled", tally => tally.found + tally.absent],
  ["  found in the mailbox", tally => tally.found],
  ["  not there, sent again", tally => tally.absent],
  ["rejected for good", tally => tally.rejected],
  ["lost", tally => tally.lost, true],
];

/** The figures of both runs side by side. Those that ought to be 0 are green where they are, else red. */
export function renderTable(without: Tally, withIt: Tally, colors: Colors): string {
  const line = (name: string, cells: string[]) => name.padEnd(NAME_WIDTH) + cells.join("");
  const rows = ROWS.map(([name, figure, oughtToBeZero]) => {
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
