// Sends a campaign to many users by batches, through a provider that fails as real ones do and by a worker that is killed
// in mid-campaign: `npm run campaign`, or `npm run campaign -- --users 5000 --batch 100 --store redis --kills 3`.
import pc from "picocolors";
import { showsHelp } from "../../scripts/help.ts";
import { createProgress } from "../common/progress.ts";
import { runCampaign } from "./campaign.ts";
import { HELP, readSettings, type Settings, UsageError } from "./settings.ts";
import { explainRows, renderTable } from "./table.ts";

const introduction = ({ users, batch, kills }: Settings) =>
  `
One message to each of ${users.toLocaleString("en")} users, at most ${batch.toLocaleString("en")} in a request. The provider loses some answers${kills > 0 ? `, and the worker is killed ${kills === 1 ? "once" : `${kills} times`}` : ""}.
`.trim();

/** @returns whether each user has exactly one message */
async function main(args: readonly string[]): Promise<boolean> {
  const settings = readSettings(args);
  const isLive = process.stdout.isTTY === true && process.env["TERM"] !== "dumb";
  const colors = pc.createColors(isLive && pc.isColorSupported);
  const progress = createProgress(written => process.stdout.write(written), isLive);
  progress.line(introduction(settings));
  const tally = await runCampaign(settings, progress, isLive);
  progress.line(`\n${renderTable(tally, colors)}\n`);
  const isKept = tally.duplicates === 0 && tally.lost === 0;
  const verdict = isKept ? "Each user has one message." : "Not every user has exactly one message.";
  progress.line((isKept ? colors.green : colors.red)(verdict));
  progress.line(`\n${explainRows()}`);
  return isKept;
}

try {
  const args = process.argv.slice(2);
  if (!showsHelp(args, HELP)) process.exitCode = (await main(args)) ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
