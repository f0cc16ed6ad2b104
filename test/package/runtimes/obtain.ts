import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { obtainPackage, Unobtainable } from "../../support/servers/packages.ts";
import { execute, succeed } from "./command.ts";
import type { BinaryRuntime } from "./versions.ts";

export const ROOT = resolve(import.meta.dirname, "../../..");

/** The binary of a runtime for this platform. Rejects with `Unobtainable`. */
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
