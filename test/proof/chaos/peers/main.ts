// npx tsx test/proof/chaos/peers/main.ts --minutes M --seed S: this package and others under the same faults on
// Redis; --peer NAME for one alone.
import { chaos } from "../chaos.ts";
import { readSettings, type Settings } from "../settings.ts";
import { type Comparison, compare } from "./compare.ts";
import { PEERS } from "./peers.ts";
import { installPeers, VERSIONS } from "./versions.ts";

const settings: Settings = { ...readSettings(process.argv.slice(2)), store: "redis", policy: "reject" };
const COLUMNS: [title: string, of: (comparison: Comparison) => number][] = [
  ["calls", ({ calls }) => calls],
  ["effects", ({ effects }) => effects],
  ["duplicate effects", ({ duplicates }) => duplicates],
  ["told of success without an effect", ({ lost }) => lost],
  ["fn succeeded, and the caller got an error", ({ failedAfterSuccess }) => failedAfterSuccess],
  ["calls refused", ({ refused }) => refused],
  ["calls never answered", ({ unanswered }) => unanswered],
];

await installPeers();
const { seed, seconds, workers } = settings;
console.log(`Redis, seed ${seed}, ${seconds} s each, ${workers} workers; ${JSON.stringify(VERSIONS)}\n`);
console.log(`| | ${COLUMNS.map(([title]) => title).join(" | ")} |\n|---|${"---|".repeat(COLUMNS.length)}`);
for (const peer of settings.peer === undefined ? Object.keys(PEERS) : [settings.peer]) {
  const { lines } = await chaos({ ...settings, peer });
  const comparison = compare(lines);
  console.log(`| ${peer} | ${COLUMNS.map(([, of]) => of(comparison)).join(" | ")} |`);
}
