import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { obtainPackage } from "../../support/servers/packages.ts";

const run = promisify(execFile);

/** How long a download of what was built elsewhere may take, and a build of our own. */
const PREBUILT_MS = 15_000;
const BUILD_MS = 300_000;

// npm runs no install script of a dependency that nobody allowed, and always those of the project itself.
const SCRIPTS = {
  prebuilt: "cd node_modules/better-sqlite3 && prebuild-install",
  // Without optimisation, which takes a third of the time.
  build: "cd node_modules/better-sqlite3 && node-gyp rebuild --debug",
};

/** better-sqlite3 for this Node.js: its folder. It takes a download, or a compiler. */
export function obtainBetterSqlite3(): Promise<string> {
  return obtainPackage("better-sqlite3@12.11.1", async folder => {
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, scripts: SCRIPTS }));
    const npmRun = (script: keyof typeof SCRIPTS, timeout: number) =>
      run("npm", ["run", script], { cwd: folder, timeout, env: { ...process.env, JOBS: "2" } });
    await npmRun("prebuilt", PREBUILT_MS).catch(() => npmRun("build", BUILD_MS));
  });
}
