import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Cell, Client } from "./cell.ts";
import type { Row } from "./run.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const PAGE = resolve(ROOT, "docs/clients.md");
const BEGIN = "<!-- clients: written by UPDATE_CLIENTS=1 npm run test:field -->";
const END = "<!-- /clients -->";

/** The clients of a part of the page. */
export interface Section {
  title: string;
  clients: readonly Client[];
}

interface Manifest {
  dependencies: Record<string, string>;
}
const { dependencies } = JSON.parse(
  readFileSync(resolve(ROOT, "test/field/clients/package.json"), "utf8"),
) as Manifest;

/** "got 11.8.6" for "got11": "npm:got@11.8.6"; the runtime's own clients have no version of their own. */
function title({ name, failure }: Client): string {
  const [id = "", ...rest] = name.split(" ");
  const version = dependencies[id];
  const renamed = /^npm:(.+)@(.+)$/.exec(version ?? "");
  const plain = renamed ? `${renamed[1]} ${renamed[2]}` : `${id} ${version ?? ""}`.trim();
  return [plain, ...rest].join(" ") + (failure ? " †" : "");
}

function letter({ outcome, certain, received }: Cell): string {
  const sign = { held: "H", released: certain ? "N" : "R", succeeded: "S", waits: "W" }[outcome];
  return received > 1 && outcome !== "waits" ? `${sign}×${received}` : sign;
}

const shown = (cells: readonly Cell[] | undefined): string =>
  [...new Set((cells ?? []).map(letter))].join("/") || "–";

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** A client's line of the page; they do not depend on each other, so that some can be compared alone. */
export const rowLine = ({ client, cells }: Row): string =>
  line([title(client), ...[...cells.values()].map(shown)]);

function sectionText({ title: heading, clients }: Section, rows: readonly Row[]): string {
  const own = rows.filter(({ client }) => clients.includes(client));
  const columns = [...(own[0]?.cells.keys() ?? [])];
  const head = [line([heading, ...columns]), line(["---", ...columns.map(() => ":-:")])];
  return [...head, ...own.map(rowLine)].join("\n");
}

export const tableText = (sections: readonly Section[], rows: readonly Row[]): string =>
  sections.map(section => sectionText(section, rows)).join("\n\n");

function split(): [before: string, table: string, after: string] {
  const page = readFileSync(PAGE, "utf8");
  const [before, rest] = page.split(BEGIN);
  const [table, after] = rest?.split(END) ?? [];
  if (before === undefined || table === undefined || after === undefined)
    throw new Error(`docs/clients.md: expected the markers ${BEGIN} and ${END}; put them back`);
  return [before, table.trim(), after];
}

export const pageTable = (): string => split()[1];

export function writeTable(table: string): void {
  const [before, , after] = split();
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${table}\n\n${END}${after}`);
}
