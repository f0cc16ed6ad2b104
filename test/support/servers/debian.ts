import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Command } from "./process.ts";

/** Where what tests fetch is kept. */
export const CACHE = fileURLToPath(
  new URL("../../../node_modules/.cache/with-idempotency/", import.meta.url),
);

const run = promisify(execFile);

/** A program of Debian's. */
export interface Program {
  name: string;
  /** The package that has it, on Homebrew too. */
  package: string;
  /** The suite that has it, if it is none of the machine's own: `bookworm-backports`. */
  suite?: string;
  /** Where it stands in that package. */
  path: string;
  /** Finds the version in what it says of itself. */
  version: RegExp;
  /** What else to do where it cannot be had. */
  advice: string;
}

/** A program that can be started. */
export interface Binary extends Pick<Command, "file" | "env"> {
  version: string;
}

/** The one on the PATH, else one from Debian's packages. Throws an error that says how to get one. */
export async function findProgram(program: Program): Promise<Binary> {
  const { PATH = "" } = process.env;
  for (const folder of PATH.split(delimiter)) {
    const installed = await probe(program, join(folder, program.name));
    if (installed) return installed;
  }
  const folder = join(CACHE, program.package);
  if (process.platform !== "linux") throw missing(program, `run \`brew install ${program.package}\``);
  try {
    if (!existsSync(folder)) await unpackDebian(program, folder);
  } catch (error) {
    throw missing(program, `install the package ${program.package}`, error);
  }
  const unpacked = await probe(program, join(folder, program.path), await libraries(folder));
  if (unpacked) return unpacked;
  throw missing(program, `remove ${folder} and try again, or install the package ${program.package}`);
}

function missing({ name, advice }: Program, first: string, cause?: unknown): Error {
  const why = cause instanceof Error ? ` (${cause.message.trim()})` : "";
  return new Error(`expected ${name} on the PATH; got none${why}: ${first}, or ${advice}`, { cause });
}

async function probe(program: Program, file: string, env?: Record<string, string>) {
  try {
    const { stdout } = await run(file, ["--version"], { env: { ...process.env, ...env } });
    return { file, env, version: program.version.exec(stdout)?.[1] ?? stdout.trim() };
  } catch {
    return undefined;
  }
}

async function libraries(folder: string): Promise<Record<string, string>> {
  const lib = join(folder, "usr/lib");
  // A program that brings no libraries along has no such folder.
  const found = await readdir(lib).catch(() => []);
  const folders = found.filter(name => name.includes("linux-gnu"));
  return { LD_LIBRARY_PATH: [lib, ...folders.map(name => join(lib, name))].join(":") };
}

/** Fetches the packages that are missing into a folder of the cache. Installs nothing, and starts no service. */
async function unpackDebian(program: Program, folder: string): Promise<void> {
  const work = `${folder}-${process.pid}`;
  const [lists, archives, root] = ["lists", "archives", "root"].map(name => join(work, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [lists, archives]) await mkdir(join(each, "partial"), { recursive: true });
  const places = { "Dir::State::lists": lists, "Dir::Cache::archives": archives, "Dir::Cache": work };
  const sources = join(work, "sources.list");
  const { suite } = program;
  if (suite !== undefined) await writeFile(sources, `deb http://deb.debian.org/debian ${suite} main\n`);
  const suites = suite === undefined ? {} : { "Dir::Etc::sourcelist": sources };
  const settings = { ...places, ...suites, "Debug::NoLocking": "1", "APT::Sandbox::User": "" };
  const apt = (...args: string[]) =>
    run("apt-get", [
      ...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
      ...args,
    ]);
  try {
    await apt("update");
    const from = suite === undefined ? [] : ["--target-release", suite];
    await apt("install", ...from, "--yes", "--no-install-recommends", "--download-only", program.package);
    for (const name of await readdir(archives)) {
      if (name.endsWith(".deb")) await run("dpkg-deb", ["-x", join(archives, name), root]);
    }
    await rename(root, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
