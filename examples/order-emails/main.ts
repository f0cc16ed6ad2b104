// Emails customers about the events of a log, through an SMTP server that fails as real ones do: once without the
// wrapper and once with it. `npm run demo`, or `npm run demo -- FILE` (`-` for standard input) for another log.
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import pc from "picocolors";
import { showsHelp } from "../../scripts/help.ts";
import { createProgress } from "../common/progress.ts";
import { runOnce } from "./demo.ts";
import { LogError, parseEvents } from "./events.ts";
import { renderLegend, renderTable } from "./table.ts";

const HELP = `
Usage: npm run demo [-- FILE]

Emails a shop's customers about the events of a log, once without the wrapper and once with it. Prints what an SMTP
server on this machine has received. FILE is your own log, with one JSON event per line as in
examples/order-events.jsonl; - reads standard input.

Exit codes: 0 with the wrapper no email was lost or sent twice, 1 one was, 2 the log cannot be used.`;

const DEFAULT_LOG = fileURLToPath(new URL("../order-events.jsonl", import.meta.url));
const READ_FAULTS = new Map([
  ["ENOENT", "no such file"],
  ["EISDIR", "it is a directory"],
]);

async function readLog(file: string): Promise<string> {
  if (file === "-") return text(process.stdin);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new LogError(`${file}: cannot be read: ${READ_FAULTS.get(code) ?? message}`);
  }
}

/** @returns whether the wrapper has kept its promise */
async function main(files: readonly string[]): Promise<boolean> {
  if (files.length > 1)
    throw new LogError(`Expected one log, or - for standard input; got ${files.join(" ")}`);
  const [file = DEFAULT_LOG] = files;
  const events = parseEvents(await readLog(file), file === "-" ? "standard input" : file);

  const { TERM } = process.env;
  const terminal = process.stdout.isTTY === true && TERM !== "dumb";
  const colors = pc.createColors(terminal && pc.isColorSupported);
  const progress = createProgress(written => process.stdout.write(written), terminal);
  progress.line(
    `A shop emails its customers about ${events.length} order events, through a real SMTP server on this machine.
The server refuses connections, asks some senders to come back later, and cuts some connections before it
answers: before it has stored the email, or after. The shop then tries again. Some events come more than once.
`,
  );
  const without = await runOnce(events, false, progress);
  const withIt = await runOnce(events, true, progress);
  progress.line(`\n${renderTable(without, withIt, colors)}\n`);

  const kept = withIt.duplicates === 0 && withIt.lost === 0;
  const verdict = `With the wrapper: ${withIt.duplicates} duplicates, ${withIt.lost} lost.`;
  progress.line(kept ? colors.green(verdict) : colors.red(verdict));
  progress.line(`\n${renderLegend(colors)}`);
  return kept;
}

try {
  const args = process.argv.slice(2);
  if (!showsHelp(args, HELP)) process.exitCode = (await main(args)) ? 0 : 1;
} catch (error) {
  if (!(error instanceof LogError)) throw error;
  process.stderr.write(`${error.message}\nNothing was sent.\n`);
  process.exitCode = 2;
}
