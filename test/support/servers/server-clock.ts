import { existsSync } from "node:fs";
import { chmod, copyFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findProgram } from "./debian.ts";

/** The clock of a server that is started with its `env`. */
export interface ServerClock {
  env: Record<string, string>;
  /** Sets it ahead of the machine's, or behind it, from now on. */
  set(aheadMs: number): Promise<void>;
  remove(): Promise<void>;
}

/** The library that sets a server's clock: the installed one, else Debian's. Throws an error that says how to get one. */
export async function findFaketime(): Promise<string> {
  const { file } = await findProgram({
    name: "faketime",
    package: "faketime",
    path: "usr/bin/faketime",
    version: /Version (\S+?);?\s/,
    advice: "do without its tests",
  });
  const lib = resolve(file, "../../lib");
  const places = (await readdir(lib)).map(name => join(lib, name, "faketime/libfaketime.so.1"));
  const library = places.find(place => existsSync(place));
  if (library === undefined) throw new Error(`expected faketime's library for Linux below ${lib}; got none`);
  return library;
}

/** A clock that can be set, and runs on from there. */
export async function openServerClock(library: string): Promise<ServerClock> {
  const dir = await mkdtemp(join(tmpdir(), "with-idempotency-clock-"));
  // The server may run as nobody, who need not be let through to where the library was found.
  await chmod(dir, 0o755);
  const own = join(dir, "libfaketime.so.1");
  await copyFile(library, own);
  const file = join(dir, "ahead");
  const set = (aheadMs: number) => writeFile(file, `${aheadMs < 0 ? "" : "+"}${aheadMs / 1_000}`);
  await set(0);
  return {
    env: {
      LD_PRELOAD: own,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    set,
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
