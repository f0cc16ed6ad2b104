import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CACHE } from "./debian.ts";

const run = promisify(execFile);

/** How long a download of what was built elsewhere may take, and a build of our own. */
const PREBUILT_MS = 15_000;
const BUILD_MS = 300_000;

const BETTER_SQLITE3 = "better-sqlite3@12.11.1";
const NODE = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}@24`;

// npm runs no install script of a dependency that nobody allowed, and always those of the project itself.
const SCRIPTS = {
  prebuilt: "cd node_modules/better-sqlite3 && prebuild-install",
  // Without optimisation, which takes a third of the time.
  build: "cd node_modules/better-sqlite3 && node-gyp rebuild --debug",
};

/** better-sqlite3 for this Node.js: its folder. It takes a download, or a compiler. */
export async function obtainBetterSqlite3(): Promise<string> {
  const home = await obtain(BETTER_SQLITE3, async folder => {
    const npmRun = (script: keyof typeof SCRIPTS, timeout: number) =>
      run("npm", ["run", script], { cwd: folder, timeout, env: { ...process.env, JOBS: "2" } });
    await npmRun("prebuilt", PREBUILT_MS).catch(() => npmRun("build", BUILD_MS));
  });
  return join(home, "node_modules/better-sqlite3");
}

/** A Node.js that has node:sqlite, and runs TypeScript: its binary. */
export async function obtainNode24(): Promise<string> {
  const home = await obtain(NODE);
  return join(home, "node_modules", NODE.slice(0, NODE.lastIndexOf("@")), "bin/node");
}

/** Installs a package into the cache, whole or not at all, where it is not there yet. */
async function obtain(spec: string, prepare?: (folder: string) => Promise<unknown>): Promise<string> {
  const home = join(CACHE, `${spec}-${process.version}`);
  if (existsSync(home)) return home;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, ".installing-"));
  try {
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, scripts: SCRIPTS }));
    const args = ["install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", spec];
    await run("npm", args, { cwd: folder, timeout: BUILD_MS });
    await prepare?.(folder);
    await rename(folder, home);
  } catch (error) {
    // Another process may have been quicker.
    if (!existsSync(home)) throw error;
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
    const line = "!".repeat(80);
    console.error(`\n${line}\nNOT VERIFIED: ${what}: ${(error as Error).message.slice(0, 500)}\n${line}\n`);
    return undefined;
  }
}
