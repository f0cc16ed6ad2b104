import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { obtainChromium } from "../../support/chromium.ts";
import { obtainPackage } from "../../support/servers/packages.ts";
import { inBrowser } from "./browser.ts";
import { succeed } from "./command.ts";
import { obtainBinary } from "./obtain.ts";
import { formatChecks } from "./portable/formats.ts";
import { httpChecks } from "./portable/http.ts";
import { names, type Report } from "./portable/suite.ts";
import type { Run } from "./report.ts";
import { requestChecks } from "./requests.ts";
import {
  BINARIES,
  type BinaryRuntime,
  MINIFLARE,
  NODE_24,
  WORKERS,
  type WorkerSettings,
} from "./versions.ts";

/** A runtime, and how it is asked to run the checks that were built into `folder`. */
export interface Host {
  name: string;
  /** Rejects with `Unobtainable` where the runtime is not to be had. */
  run(folder: string): Promise<Run[]>;
}

const ESM = `
  import { createRequire } from "node:module";
  import * as imported from "with-idempotency";
  import { formatChecks, httpChecks, httpServer, performAll, report } from "./checks.mjs";
  import { serve } from "./serve.mjs";
  const required = createRequire(import.meta.url)("with-idempotency");
  const { runtime, results } = await report();
  const server = await serve(httpServer());
  const ask = (path, init) => fetch(server.url + path, init);
  results.push(...(await performAll([...formatChecks(imported, required), ...httpChecks(ask)], [])));
  await server.close();
  console.log(JSON.stringify({ runtime, results }));
`;
const CJS = `require("./checks.cjs").report().then(report => console.log(JSON.stringify(report)));`;

const namesOf = (checks: readonly { name: string }[]) => checks.map(({ name }) => name);
const formatNames = namesOf(formatChecks({} as never, {} as never));
const httpNames = namesOf(httpChecks(async () => new Response()));
const requestNames = namesOf(requestChecks(async () => {}));

/** The scripts that the binaries run, in the folder where the package is installed. */
export async function writeScripts(folder: string): Promise<void> {
  await writeFile(join(folder, "esm.mjs"), ESM);
  await writeFile(join(folder, "cjs.cjs"), CJS);
}

/** A process may warn on its standard output, too; the report is the last line of it. */
const reportOf = (output: string) => JSON.parse(output.trim().split("\n").at(-1)!) as Report;

function identified(report: Report, expected: string): Report {
  if (report.runtime.startsWith(expected)) return report;
  throw new Error(`expected to run on ${expected}; it was ${report.runtime}`);
}

function binaryHost(runtime: BinaryRuntime): Host {
  return {
    name: runtime.name,
    async run(folder) {
      const program = await obtainBinary(runtime);
      const of = async (script: string) =>
        identified(
          reportOf(await succeed(program, [...runtime.args, script], { cwd: folder })),
          runtime.name,
        );
      return [
        { ...(await of("esm.mjs")), how: "import", expected: [...names, ...formatNames, ...httpNames] },
        { ...(await of("cjs.cjs")), how: "require", expected: names },
      ];
    },
  };
}

function workerHost({ date, flags }: WorkerSettings): Host {
  const settings = [date, ...flags].join(", ");
  return {
    name: `workerd (${settings})`,
    async run(folder) {
      const [program, miniflare] = [await obtainBinary(NODE_24), await obtainPackage(MINIFLARE)];
      const driver = join(import.meta.dirname, "workerd.ts");
      const args = [driver, miniflare, join(folder, "worker.bundle.mjs"), date, ...flags];
      const report = identified(reportOf(await succeed(program, args, { cwd: folder })), "workerd");
      const manifest = await readFile(join(miniflare, "../workerd/package.json"), "utf8");
      const runtime = `workerd ${(JSON.parse(manifest) as { version: string }).version}`;
      return [{ ...report, runtime, how: settings, expected: [...names, ...requestNames, ...httpNames] }];
    },
  };
}

const chromium: Host = {
  name: "Chromium",
  async run(folder) {
    const program = await obtainChromium();
    const version = await succeed(program, ["--version"], { cwd: folder });
    const runtime = `Chromium ${/[\d.]+/.exec(version)?.[0]}`;
    const reports = await inBrowser(program, join(folder, "checks.bundle.mjs"));
    return (["page", "worker"] as const).map(how => {
      return { ...identified(reports[how], "Chrome "), runtime, how, expected: names };
    });
  },
};

export const HOSTS: readonly Host[] = [...BINARIES.map(binaryHost), ...WORKERS.map(workerHost), chromium];
