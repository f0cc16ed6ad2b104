import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import { promisify } from "node:util";
import { Unobtainable } from "./servers/packages.ts";

const run = promisify(execFile);

const CHROMIUMS = [
  "chromium-headless-shell",
  "chromium",
  "chromium-browser",
  "google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The first of them that runs, by its full path. */
async function installedChromium(): Promise<string | undefined> {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  // An absolute name stays as it is in every folder.
  const places = CHROMIUMS.flatMap(name => folders.map(folder => resolve(folder, name)));
  for (const file of new Set(places.filter(each => existsSync(each)))) {
    const answered = await run(file, ["--version"], { timeout: 20_000 }).catch(() => undefined);
    if (answered !== undefined) return file;
  }
  return undefined;
}

/** Chromium from the PATH, or from Debian's packages where this may install them. Rejects with `Unobtainable`. */
export async function obtainChromium(): Promise<string> {
  const installed = await installedChromium();
  if (installed !== undefined) return installed;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Unobtainable("no Chromium in the PATH, and no root to install Debian's");
  }
  try {
    await run("apt-get", ["update", "-qq"]);
    const args = ["install", "-y", "-qq", "--no-install-recommends", CHROMIUMS[0]!, "fonts-liberation"];
    await run("apt-get", args, { timeout: 300_000, maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    throw new Unobtainable(`apt-get failed: ${(error as Error).message.slice(0, 300)}`);
  }
  const fetched = await installedChromium();
  if (fetched === undefined) throw new Unobtainable("Debian's Chromium was installed and does not run");
  return fetched;
}
