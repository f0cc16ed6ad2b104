import type pc from "picocolors";
import type { Tally } from "./campaign.ts";

type Colors = Pick<ReturnType<typeof pc.createColors>, "bold" | "dim" | "green" | "red">;

const NAME_WIDTH = 26;
const CELL_WIDTH = 14;

const whole = (value: number) => Math.round(value).toLocaleString("en");

// Name and figure of each row, and whether that figure ought to be 0.
const ROWS: readonly (readonly [name: string, figure: (tally: Tally) => string, oughtToBeZero?: true])[] = [
  ["users", tally => whole(tally.users)],
  ["messages", tally => whole(tally.messages)],
  ["duplicates", tally => whole(tally.duplicates), true],
  ["lost", tally => whole(tally.lost), true],
  ["uncertain found", tally => whole(tally.found + tally.absent)],
  ["  had their message", tally => whole(tally.found)],
  ["  had none, sent again", tally => whole(tally.absent)],
  ["batches", tally => whole(tally.batches)],
  ["workers killed", tally => whole(tally.kills)],
  ["time", tally => `${tally.seconds.toFixed(1)} s`],
  ["rate", tally => `${whole(tally.users / tally.seconds)}/s`],
];

/** The figures of a campaign. Those that ought to be 0 are green where they are, else red. */
export function renderTable(tally: Tally, colors: Colors): string {
  const rows = ROWS.map(([name, figure, oughtToBeZero]) => {
    const text = figure(tally);
    const cell = text.padStart(CELL_WIDTH);
    const color = text === "0" ? colors.green : colors.red;
    return name.padEnd(NAME_WIDTH) + (oughtToBeZero ? color(cell) : cell);
  });
  const rule = "-".repeat(NAME_WIDTH + CELL_WIDTH);
  return [colors.bold("Campaign"), colors.dim(rule), ...rows].join("\n");
}

/** What the rows mean that do not say so. */
const MEANINGS: readonly (readonly [name: string, meaning: string])[] = [
  ["messages", "what lies in the users' mailboxes"],
  ["duplicates", "messages that a user had already. It should be 0"],
  ["lost", "users without a message. It should be 0"],
  [
    "uncertain found",
    "users of a batch whose answer was lost, or whose worker died, looked up at the provider",
  ],
  ["batches", "requests that the provider has taken"],
];

export const explainRows = (): string =>
  ["What the rows mean", ...MEANINGS.map(([name, meaning]) => name.padEnd(NAME_WIDTH) + meaning)].join("\n");
