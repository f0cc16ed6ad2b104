import type pc from "picocolors";
import type { Tally } from "./compare.ts";
import type { Ended } from "./runtime.ts";

type Colors = Pick<ReturnType<typeof pc.createColors>, "bold" | "dim" | "green" | "red">;

const NAME_WIDTH = 30;
const CELL_WIDTH = 20;

const line = (name: string, ...cells: string[]) =>
  (name.padEnd(NAME_WIDTH) + cells.map(cell => cell.padEnd(CELL_WIDTH)).join("")).trimEnd();

function wordsFor(ended: Ended): string {
  return ended.did === "sent" && ended.attempts > 1 ? `sent, at try ${ended.attempts}` : ended.did;
}

/** What came of each event without the tab and with it, and the sums. */
export function renderTable(
  events: readonly string[],
  without: Tally,
  withTab: Tally,
  colors: Colors,
): string {
  const rule = colors.dim("-".repeat(NAME_WIDTH + 2 * CELL_WIDTH));
  const rows = events.map((event, i) =>
    line(event, wordsFor(without.ended[i]!), wordsFor(withTab.ended[i]!)),
  );
  const zero = (name: "duplicates" | "lost") =>
    (withTab[name] === 0 ? colors.green : colors.red)(
      line(name, String(without[name]), String(withTab[name])),
    );
  return [
    colors.bold(line("event", "without the tab", "with the tab")),
    rule,
    ...rows,
    rule,
    line("messages", String(without.messages), String(withTab.messages)),
    zero("duplicates"),
    zero("lost"),
  ].join("\n");
}
