import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Row } from "./measure.ts";
import { type PeerRow, performancePage } from "./report.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Runs one measure in a process of its own, and gives back what it reports. */
function measure<T>(script: string, ...args: string[]): T {
  const argv = ["--import", "tsx", "--expose-gc", at(script), ...args];
  return JSON.parse(execFileSync(process.execPath, argv, { encoding: "utf8", cwd: at("..") })) as T;
}

function heap(): Row {
  const [ours, raw] = ["ours", "lru-cache"].map(
    candidate => measure<{ bytesPerKey: number }>("heap.ts", candidate).bytesPerKey,
  ) as [number, number];
  return {
    measure: "memory per live key, 100,000 keys",
    ours: `${Math.round(ours)} bytes`,
    reference: `${Math.round(raw)} bytes (lru-cache)`,
    ratio: `${(ours / raw).toFixed(2)} × the memory`,
    target: "≤ 1.3 ×",
  };
}

function size(): Row[] {
  // It exits with 1 where a limit is exceeded, which is for the tests to say: here only the figures count.
  const sizeLimit = at("../node_modules/size-limit/bin.js");
  const { stdout } = spawnSync(process.execPath, [sizeLimit, "--json"], { encoding: "utf8", cwd: at("..") });
  const checks = JSON.parse(stdout) as { name: string; size: number }[];
  const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(2)} kB`;
  return checks.map(({ name, size }) => ({
    measure: `size of the ${name}, minified, gzip`,
    ours: kilobytes(size),
    reference: "–",
    ratio: "–",
    target: name.includes("own") ? "≤ 7 kB" : "≤ 14 kB",
  }));
}

const args = process.argv.slice(2);
const speed = measure<{ rows: Row[]; peers: PeerRow[] }>("speed.ts", ...args);
const redis = measure<{ rows: Row[]; peers: PeerRow[] }>("redis.ts", ...args);
const rows = [
  ...speed.rows,
  ...measure<{ rows: Row[] }>("duplicates.ts").rows,
  heap(),
  ...measure<{ rows: Row[] }>("scale.ts").rows,
  ...measure<{ rows: Row[] }>("imports.ts").rows,
  ...size(),
  ...redis.rows,
  ...measure<{ rows: Row[] }>("postgres.ts").rows,
  ...measure<{ rows: Row[] }>("sqlite.ts").rows,
];
const page = performancePage(rows, speed.peers, redis.peers);
writeFileSync(at("../docs/performance.md"), page);
process.stdout.write(page);
