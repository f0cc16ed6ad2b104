import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Host } from "./run.ts";

interface Manifest {
  version: string;
  dependencies: Record<string, string>;
}

const INSTALL = [
  "install",
  "--no-package-lock",
  "--no-audit",
  "--no-fund",
  "--ignore-scripts",
  "--legacy-peer-deps",
];
const INSTALL_MS = 300_000;

const readManifest = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Manifest;

type Installed = Pick<Host, "worker">;

const folderOf = ({ worker }: Installed) => dirname(fileURLToPath(worker));

/** The manifest of a package as a host's worker finds it. */
function installed(host: Installed, name: string): Manifest | undefined {
  const folders = createRequire(host.worker).resolve.paths(name) ?? [];
  const file = folders.map(folder => join(folder, name, "package.json")).find(path => existsSync(path));
  return file === undefined ? undefined : readManifest(file);
}

/** The host's packages, with their versions. */
export function versionsOf(host: Host): string {
  return host.packages.map(name => `${name} ${installed(host, name)?.version}`).join(", ");
}

/**
 * Installs the packages that an example's own package.json names, where one is missing or of another version: they are
 * too large to be dependencies of everybody's.
 */
export async function installPackages(host: Installed): Promise<void> {
  const manifest = join(folderOf(host), "package.json");
  if (!existsSync(manifest)) return;
  const wanted = Object.entries(readManifest(manifest).dependencies);
  if (wanted.every(([name, version]) => installed(host, name)?.version === version)) return;
  await promisify(execFile)("npm", INSTALL, { cwd: folderOf(host), timeout: INSTALL_MS });
}
