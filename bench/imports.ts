import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "tsup";
import { type Cost, inCpu, inTime, type Measured, type Row, report, summarize } from "./measure.ts";

const SPAWNS = 41;

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
// Below the repository's modules, so that the variant finds its package.
mkdirSync(at("../node_modules/.cache"), { recursive: true });
const folder = mkdtempSync(join(at("../node_modules/.cache"), "bench-imports-"));

/** An empty module, the package as it is built, and as it was with lru-cache as a package of its own. */
async function modules(extension: ".js" | ".cjs", format: "esm" | "cjs"): Promise<string[]> {
  const empty = join(folder, `empty${extension}`);
  writeFileSync(empty, "");
  await build({
    config: false,
    silent: true,
    clean: false,
    entry: { external: at("../src/index.ts") },
    outDir: folder,
    format,
    target: "es2022",
    platform: "node",
    external: ["lru-cache"],
    outExtension: () => ({ js: extension }),
  });
  return [empty, at(`../dist/index${extension}`), join(folder, `external${extension}`)];
}

const importing = (path: string) => `await import(${JSON.stringify(pathToFileURL(path).href)})`;
const requiring = (path: string) => `createRequire(import.meta.url)(${JSON.stringify(path)})`;

/** What it costs a fresh process, its own start left out. */
function cost(load: string): Cost {
  const script = `
    import { createRequire } from "node:module";
    const cpu = process.cpuUsage();
    const begun = process.hrtime.bigint();
    ${load};
    const nanoseconds = Number(process.hrtime.bigint() - begun);
    const { user, system } = process.cpuUsage(cpu);
    console.log(JSON.stringify({ nanoseconds, cpuNanoseconds: (user + system) * 1e3 }));`;
  const argv = ["--input-type=module", "--eval", script];
  return JSON.parse(execFileSync(process.execPath, argv, { encoding: "utf8", cwd: folder })) as Cost;
}

function row(measure: string, own: Measured, empty: Measured, target: string): Row {
  return {
    measure,
    ours: inTime(own.nanoseconds),
    reference: `${inTime(empty.nanoseconds)} (an empty module)`,
    cpu: inCpu(own, empty),
    ratio: `+ ${((own.nanoseconds - empty.nanoseconds) / 1e6).toFixed(1)} ms`,
    target,
  };
}

async function rows(verb: string, loads: readonly string[]): Promise<Row[]> {
  const rounds = Array.from({ length: SPAWNS }, () => loads.map(cost));
  const [empty, ours, external] = summarize(["empty", "ours", "external"], rounds);
  return [
    row(`\`${verb}\` in a fresh process`, ours!, empty!, "≤ + 5 ms"),
    row(`for comparison: \`${verb}\` with lru-cache as a package of its own`, external!, empty!, "–"),
  ];
}

try {
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  report({
    rows: [
      ...(await rows("import", (await modules(".js", "esm")).map(importing))),
      ...(await rows("require", (await modules(".cjs", "cjs")).map(requiring))),
    ],
  });
} finally {
  rmSync(folder, { recursive: true });
}
