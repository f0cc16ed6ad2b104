import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { execute, succeed } from "./command.ts";
import type { BinaryRuntime, PackageSpec } from "./versions.ts";

export const ROOT = resolve(import.meta.dirname, "../..");
const CACHE = join(ROOT, "node_modules/.cache/with-idempotency");

/** Something that is not to be had here: a notice, and no failure. */
export class Unobtainable extends Error {}

const nameOf = (spec: PackageSpec) => spec.slice(0, spec.lastIndexOf("@"));

const homes = new Map<PackageSpec, Promise<string>>();

/** The folder of a package, which is installed into the cache where it is not there yet. */
export async function obtainPackage(spec: PackageSpec): Promise<string> {
  const home = homes.get(spec) ?? installed(spec);
  homes.set(spec, home);
  return join(await home, "node_modules", nameOf(spec));
}

/** Whole or not at all: what is cut short shall not be taken for installed. */
async function installed(spec: PackageSpec): Promise<string> {
  const home = join(CACHE, spec.replace("/", "+"));
  if (existsSync(home)) return home;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, ".installing-"));
  try {
    await writeFile(join(folder, "package.json"), '{ "private": true }');
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", spec];
    const { code, stderr } = await execute("npm", args, { cwd: folder, timeoutMs: 180_000 });
    if (code !== 0) throw new Unobtainable(`npm install ${spec} failed: ${stderr.trim().slice(0, 300)}`);
    await rename(folder, home);
  } catch (error) {
    // Another process may have been quicker.
    if (!existsSync(home)) throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return home;
}

/** The binary of a runtime for this platform. */
export async function obtainBinary({ name, packages, binary }: BinaryRuntime): Promise<string> {
  const spec = packages[`${process.platform}-${process.arch}`];
  if (spec === undefined)
    throw new Unobtainable(`${name} has no package for ${process.platform}-${process.arch}`);
  return join(await obtainPackage(spec), binary);
}

const CHROMIUMS = [
  "chromium-headless-shell",
  "chromium",
  "chromium-browser",
  "google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

async function installedChromium(): Promise<string | undefined> {
  for (const program of CHROMIUMS) {
    const ended = await execute(program, ["--version"], { cwd: ROOT, timeoutMs: 20_000 }).catch(
      () => undefined,
    );
    if (ended?.code === 0) return program;
  }
  return undefined;
}

/** Chromium from the PATH, or from Debian's packages where this may install them. */
export async function obtainChromium(): Promise<string> {
  const installed = await installedChromium();
  if (installed !== undefined) return installed;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Unobtainable("no Chromium in the PATH, and no root to install Debian's");
  }
  try {
    await succeed("apt-get", ["update", "-qq"], { cwd: ROOT });
    const args = ["install", "-y", "-qq", "--no-install-recommends", CHROMIUMS[0]!];
    await succeed("apt-get", args, { cwd: ROOT, timeoutMs: 300_000 });
  } catch (error) {
    throw new Unobtainable(`apt-get failed: ${(error as Error).message.slice(0, 300)}`);
  }
  return (await installedChromium()) ?? CHROMIUMS[0]!;
}
