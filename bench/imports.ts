import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inTime, median, type Row, report } from "./measure.ts";

const SPAWNS = 21;

const folder = mkdtempSync(join(tmpdir(), "with-idempotency-"));
const empty = (name: string) => {
  const path = join(folder, name);
  writeFileSync(path, "");
  return path;
};
const built = (name: string) => fileURLToPath(new URL(`../dist/${name}`, import.meta.url));

const importing = (path: string) => `await import(${JSON.stringify(pathToFileURL(path).href)})`;
const requiring = (path: string) => `createRequire(import.meta.url)(${JSON.stringify(path)})`;

/** How long a fresh process takes for it, its own start left out. */
function nanoseconds(load: string): number {
  const script = `
    import { createRequire } from "node:module";
    const begun = process.hrtime.bigint();
    ${load};
    console.log(String(process.hrtime.bigint() - begun));`;
  return Number(
    execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" }),
  );
}

function row(measure: string, reference: string, own: string): Row {
  const pairs = Array.from({ length: SPAWNS }, () => [nanoseconds(reference), nanoseconds(own)] as const);
  const [raw, ours] = [median(pairs.map(pair => pair[0])), median(pairs.map(pair => pair[1]))];
  return {
    measure,
    ours: inTime(ours),
    reference: `${inTime(raw)} (an empty module)`,
    ratio: `+ ${((ours - raw) / 1e6).toFixed(1)} ms`,
    target: "≤ + 10 ms",
  };
}

try {
  const rows = [
    row("`import` in a fresh process", importing(empty("empty.mjs")), importing(built("index.js"))),
    row("`require` in a fresh process", requiring(empty("empty.cjs")), requiring(built("index.cjs"))),
  ];
  report({ rows });
} finally {
  rmSync(folder, { recursive: true });
}
