import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { test } from "vitest";
import type { Host } from "../../../examples/hosts/common/run.ts";
import { expectOneMailEach, TIMEOUT_MS } from "./compare.ts";

const HOSTS = resolve(import.meta.dirname, "../../../examples/hosts");
const TSC = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const INSTALL = [
  "install",
  "--no-package-lock",
  "--no-audit",
  "--no-fund",
  "--ignore-scripts",
  "--legacy-peer-deps",
];
const INSTALL_MS = 180_000;
const { CI, REQUIRE_SERVERS } = process.env;
const run = promisify(execFile);

/** The packages that an example's own package.json names, where one is missing or of another version. */
function missing(folder: string): string[] {
  const { dependencies } = readPackage(folder) as { dependencies: Record<string, string> };
  return Object.entries(dependencies)
    .filter(([name, version]) => {
      const installed = join(folder, "node_modules", name);
      return !existsSync(installed) || readPackage(installed).version !== version;
    })
    .map(([name, version]) => `${name}@${version}`);
}

function readPackage(folder: string): { version?: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** Installs them in the example's folder, once: they are too large to be dependencies of everybody's. */
async function install(name: string): Promise<string | undefined> {
  const folder = join(HOSTS, name);
  const wanted = missing(folder);
  if (wanted.length === 0) return undefined;
  try {
    await run("npm", INSTALL, { cwd: folder, timeout: INSTALL_MS });
    return undefined;
  } catch (error) {
    if (CI || REQUIRE_SERVERS) throw error;
    return `NOT VERIFIED: ${folder}: ${wanted.join(", ")} could not be installed: ${error}`;
  }
}

/** Tests a runtime whose packages are installed on demand; skipped, and said so, where they cannot be. */
export async function testOnDemand(name: string, host: Host, planned: { duplicates: number }): Promise<void> {
  const failure = await install(name);
  if (failure !== undefined) console.error(failure);
  test.skipIf(failure !== undefined)(
    `${host.name} sends each mail once, and many twice without the wrapper`,
    { timeout: TIMEOUT_MS },
    () => expectOneMailEach(host, planned),
  );
  // Its folder is no part of what is checked everywhere, for its packages may be missing.
  test.skipIf(failure !== undefined)(`${host.name} is type-correct`, { timeout: TIMEOUT_MS }, async () => {
    await run(process.execPath, [TSC, "--noEmit", "--project", join(HOSTS, name)]);
  });
}
