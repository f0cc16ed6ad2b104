import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Command } from "./process.ts";

/** Where what tests fetch is kept. */
export const CACHE = fileURLToPath(new URL("../../node_modules/.cache/with-idempotency/", import.meta.url));

const run = promisify(execFile);
const FOLDER = join(CACHE, "redis");

/** A Redis that can be started. */
export interface RedisBinary extends Pick<Command, "file" | "env"> {
  version: string;
}

/** The one on the PATH, else one from Debian's packages. Throws an error that says how to get one. */
export async function findRedis(): Promise<RedisBinary> {
  const { PATH = "" } = process.env;
  for (const folder of PATH.split(delimiter)) {
    const installed = await probe(join(folder, "redis-server"));
    if (installed) return installed;
  }
  if (process.platform !== "linux") throw missing("run `brew install redis`");
  try {
    if (!existsSync(FOLDER)) await unpackDebian();
  } catch (error) {
    throw missing("install the package redis-server", error);
  }
  const unpacked = await probe(join(FOLDER, "usr/bin/redis-server"), await libraries());
  if (unpacked) return unpacked;
  throw missing(`remove ${FOLDER} and try again, or install the package redis-server`);
}

function missing(advice: string, cause?: unknown): Error {
  const why = cause instanceof Error ? ` (${cause.message.trim()})` : "";
  const message = `expected redis-server on the PATH; got none${why}: ${advice}, or set TEST_REDIS_URL`;
  return new Error(message, { cause });
}

async function probe(file: string, env?: Record<string, string>): Promise<RedisBinary | undefined> {
  try {
    const { stdout } = await run(file, ["--version"], { env: { ...process.env, ...env } });
    return { file, env, version: / v=(\S+)/.exec(stdout)?.[1] ?? stdout.trim() };
  } catch {
    return undefined;
  }
}

async function libraries(): Promise<Record<string, string>> {
  const lib = join(FOLDER, "usr/lib");
  const folders = (await readdir(lib)).filter(name => name.includes("linux-gnu"));
  return { LD_LIBRARY_PATH: [lib, ...folders.map(name => join(lib, name))].join(":") };
}

/** Fetches the packages that are missing into a folder of the cache. Installs nothing, and starts no service. */
async function unpackDebian(): Promise<void> {
  const work = `${FOLDER}-${process.pid}`;
  const [lists, archives, root] = ["lists", "archives", "root"].map(name => join(work, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [lists, archives]) await mkdir(join(folder, "partial"), { recursive: true });
  const places = { "Dir::State::lists": lists, "Dir::Cache::archives": archives, "Dir::Cache": work };
  const settings = { ...places, "Debug::NoLocking": "1", "APT::Sandbox::User": "" };
  const apt = (...args: string[]) =>
    run("apt-get", [
      ...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
      ...args,
    ]);
  try {
    await apt("update");
    await apt("install", "--yes", "--no-install-recommends", "--download-only", "redis-server");
    for (const name of await readdir(archives)) {
      if (name.endsWith(".deb")) await run("dpkg-deb", ["-x", join(archives, name), root]);
    }
    await rename(root, FOLDER);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
