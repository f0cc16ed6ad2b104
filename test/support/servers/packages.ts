import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CACHE } from "./debian.ts";

/** One of npm's packages, to the version. */
export type PackageSpec = `${string}@${string}`;

/** Something that is not to be had here. */
export class Unobtainable extends Error {}

const run = promisify(execFile);

const INSTALL = [
  "install",
  "--ignore-scripts",
  "--no-package-lock",
  "--no-audit",
  "--no-fund",
  "--prefer-offline",
];
const INSTALL_MS = 300_000;

const nameOf = (spec: PackageSpec) => spec.slice(0, spec.lastIndexOf("@"));

const homes = new Map<PackageSpec, Promise<string>>();

/**
 * The folder of a package, which is installed into the cache where it is not there yet. `prepare` may do more in the
 * folder in which it was installed. Rejects with `Unobtainable`.
 */
export async function obtainPackage(
  spec: PackageSpec,
  prepare: (folder: string) => Promise<unknown> = async () => {},
): Promise<string> {
  const home = homes.get(spec) ?? install(spec, prepare);
  homes.set(spec, home);
  return join(await home, "node_modules", nameOf(spec));
}

/** Whole or not at all: what is cut short shall not be taken for installed. */
async function install(spec: PackageSpec, prepare: (folder: string) => Promise<unknown>): Promise<string> {
  // What is compiled is so for one Node.js.
  const home = join(CACHE, `${spec.replace("/", "+")}-${process.version}`);
  if (existsSync(home)) return home;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, ".installing-"));
  try {
    await writeFile(join(folder, "package.json"), '{ "private": true }');
    await run("npm", [...INSTALL, spec], { cwd: folder, timeout: INSTALL_MS });
    await prepare(folder);
    await rename(folder, home);
  } catch (error) {
    // Another process may have been quicker.
    if (!existsSync(home))
      throw new Unobtainable(`${spec}: ${(error as Error).message.slice(0, 300).trim()}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return home;
}

const { CI, REQUIRE_SERVERS } = process.env;

/** What was obtained; nothing, said loudly, where it cannot be had and need not be. */
export async function ifObtainable<T>(what: string, obtaining: Promise<T>): Promise<T | undefined> {
  try {
    return await obtaining;
  } catch (error) {
    if (CI || REQUIRE_SERVERS) throw error;
    notVerified(what, (error as Error).message.slice(0, 500));
    return undefined;
  }
}

/** Says loudly what is skipped here, and why: a number of skipped tests does not. */
export function notVerified(what: string, why: string): void {
  const line = "!".repeat(80);
  console.error(`\n${line}\nNOT VERIFIED: ${what}: ${why}\n${line}\n`);
}
