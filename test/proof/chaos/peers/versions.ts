import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { CACHE } from "../../../support/servers/debian.ts";

/** The packages that are compared, exactly these. */
export const VERSIONS: Record<string, string> = {
  "@aws-lambda-powertools/idempotency": "2.35.0",
  "@node-idempotency/core": "1.0.11",
  "@node-idempotency/storage-adapter-redis": "1.0.2",
  redlock: "4.2.0",
};

const FOLDER = join(CACHE, "peers");
const MANIFEST = join(FOLDER, "package.json");
const run = promisify(execFile);

/** Installs them where they are missing, apart from the repository's own dependencies. */
export async function installPeers(): Promise<void> {
  const manifest = JSON.stringify({ private: true, dependencies: VERSIONS });
  const isThere = existsSync(MANIFEST) && (await readFile(MANIFEST, "utf8")) === manifest;
  if (isThere && existsSync(join(FOLDER, "node_modules"))) return;
  await mkdir(FOLDER, { recursive: true });
  await writeFile(MANIFEST, manifest);
  await run("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock"], { cwd: FOLDER });
}

/** Loads one of them. */
export async function load<T>(name: string): Promise<T> {
  const path = createRequire(MANIFEST).resolve(name);
  return (await import(pathToFileURL(path).href)) as T;
}
