import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { showsHelp } from "../scripts/help.ts";
import { at, measure } from "./child.ts";
import type { Row } from "./measure.ts";
import { comparison, filled, machine, type PeerRow, table } from "./report.ts";

interface Heap {
  bytesPerKey: number;
  bytesPerKeyReplayed: number;
}

function heap(): Row[] {
  const of = (shape: string) =>
    ["ours", "lru-cache"].map(candidate => measure<Heap>("heap.ts", candidate, shape)) as [Heap, Heap];
  const row = (what: string, [ours, raw]: [Heap, Heap], each: keyof Heap, target: string): Row => ({
    measure: `memory per live key, 100,000 keys, ${what}`,
    ours: `${Math.round(ours[each])} bytes`,
    reference: `${Math.round(raw[each])} bytes (lru-cache)`,
    ratio: `${(ours[each] / raw[each]).toFixed(2)} × the memory`,
    target,
  });
  const [flat, nested] = [of("flat"), of("nested")];
  return [
    row("small results", flat, "bytesPerKey", "≤ 1.05 ×"),
    row("small results, after one replay of each", flat, "bytesPerKeyReplayed", "≤ 280 bytes"),
    row("nested results", nested, "bytesPerKey", "–"),
    row("nested results, after one replay of each", nested, "bytesPerKeyReplayed", "–"),
  ];
}

function size(): Row[] {
  // It exits with 1 if a limit is exceeded. The tests say so; here only the figures count.
  const sizeLimit = at("../node_modules/size-limit/bin.js");
  const { stdout } = spawnSync(process.execPath, [sizeLimit, "--json"], { encoding: "utf8", cwd: at("..") });
  const checks = JSON.parse(stdout) as { name: string; size: number; sizeLimit: number }[];
  const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(2)} kB`;
  return checks.map(({ name, size, sizeLimit: limit }) => ({
    measure: `size of the ${name}, minified, gzip`,
    ours: kilobytes(size),
    reference: "–",
    ratio: "–",
    target: `≤ ${kilobytes(limit)}`,
  }));
}

/** Says on the error stream what is measured, because the output is the page's. */
function measured<T>(script: string, ...args: string[]): T {
  const begun = performance.now();
  const result = measure<T>(script, ...args);
  console.error(`${script}: ${Math.round((performance.now() - begun) / 1000)} s`);
  return result;
}

/** Builds what is measured. Says nothing unless that fails. */
function build(): void {
  const { status } = spawnSync("npm", ["run", "build", "--silent", "--", "--silent"], {
    cwd: at(".."),
    stdio: ["ignore", process.stderr, process.stderr],
    shell: process.platform === "win32",
  });
  if (status !== 0) process.exit(1);
}

const HELP = `
Usage: npm run bench [-- --peers]

Measures the built package: times, memory, sizes, and calls on Redis, PostgreSQL and SQLite. Takes many minutes, needs a
quiet machine, and writes its tables into docs/performance.md.

  --peers    also measures other packages, which are installed from npm the first time`;

const args = process.argv.slice(2);
if (showsHelp(args, HELP)) process.exit();
build();
const withPeers = args.includes("--peers");
type Compared = { rows: Row[]; peers: PeerRow[] };
const speed = measured<Compared>("speed.ts", ...args);
const redis = measured<Compared>("redis.ts", ...args);
const rows = [
  ...speed.rows,
  ...measured<Compared>("duplicates.ts").rows,
  ...heap(),
  ...measured<Compared>("scale.ts").rows,
  ...measured<Compared>("imports.ts").rows,
  ...size(),
  ...redis.rows,
  ...measured<Compared>("postgres.ts").rows,
  ...measured<Compared>("mysql.ts").rows,
  ...measured<Compared>("sqlite.ts").rows,
  ...measured<Compared>("dynamodb.ts").rows,
];

// The page's prose is the page's own: only what stands between its marks is replaced.
const parts: Record<string, string> = {
  machine: machine(),
  measures: table(rows),
  many: table(measured<Compared>("many.ts").rows),
};
const peers: Record<string, string> = withPeers
  ? { "peers-memory": comparison(speed.peers), "peers-redis": comparison(redis.peers) }
  : {};

function fill(path: string, parts: Readonly<Record<string, string>>): void {
  const page = at(path);
  writeFileSync(page, filled(readFileSync(page, "utf8"), parts));
}

fill("../docs/performance.md", { ...parts, ...peers });
fill("../docs/comparison.md", peers);
process.stdout.write(`${Object.values({ ...parts, ...peers }).join("\n\n")}\n`);
