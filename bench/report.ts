import { cpus, totalmem } from "node:os";
import { inTime, type Measured, type Row } from "./measure.ts";

/** How a peer did at what the first rows measure. */
export interface PeerRow {
  readonly name: string;
  readonly replay: Measured;
  readonly first: Measured;
}

function lines(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}

/** When and on what it was measured: enough to compare with, and nothing that names the machine. */
export function machine(): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const day = new Date().toISOString().slice(0, 10);
  return `Measured by \`npm run bench\` on ${day}: Node.js ${process.versions.node},
${process.platform} ${process.arch}, ${cores.length} cores, ${memory} GB of memory.`;
}

export const table = (rows: readonly Row[]) =>
  lines(
    ["measure", "with-idempotency", "compared with", "CPU, ours / theirs", "ratio", "aim"],
    rows.map(({ measure, ours, reference, cpu = "–", ratio, target }) => [
      measure,
      ours,
      reference,
      cpu,
      ratio,
      target,
    ]),
  );

const speedOf = ({ nanoseconds, ratio }: Measured) => `${inTime(nanoseconds)}, ${ratio.toFixed(2)} ×`;

export const comparison = (compared: readonly PeerRow[]) =>
  lines(
    ["package", "replay", "first execution"],
    compared.map(({ name, replay, first }) => [name, speedOf(replay), speedOf(first)]),
  );

/** The page with its parts replaced: each stands between `<!-- name -->` and `<!-- /name -->`. */
export function filled(page: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((text, [name, part]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [before, rest] = text.split(begin) as [string, string | undefined];
    const after = rest?.split(end)[1];
    if (after === undefined) throw new Error(`expected the page to have ${begin} and ${end}; add them`);
    return `${before}${begin}\n${part}\n${end}${after}`;
  }, page);
}
