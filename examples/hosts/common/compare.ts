import { type Figures, renderTable } from "./figures.ts";
import { versionsOf } from "./packages.ts";
import { type Host, runOnce } from "./run.ts";

/** What came of a host's jobs without the wrapper, and with it. */
export interface Comparison {
  without: Figures;
  withIt: Figures;
}

/** Runs a host's jobs twice and prints the figures side by side. */
export async function compare(host: Host): Promise<Comparison> {
  const [without, withIt] = await Promise.all([runOnce(host, "without"), runOnce(host, "with")]);
  console.log(`\n${host.name}: ${versionsOf(host)}\n${renderTable(without, withIt)}`);
  return { without, withIt };
}
