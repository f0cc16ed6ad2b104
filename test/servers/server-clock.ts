import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Binary, findProgram } from "./debian.ts";

/** The clock of a server that is started with its `env`. */
export interface ServerClock {
  env: Record<string, string>;
  /** Sets it ahead of the machine's, or behind it, from now on. */
  set(aheadMs: number): Promise<void>;
  remove(): Promise<void>;
}

/** The one on the PATH, else Debian's. Throws an error that says how to get one. */
export const findFaketime = (): Promise<Binary> =>
  findProgram({
    name: "faketime",
    package: "faketime",
    path: "usr/bin/faketime",
    version: /Version (\S+?);?\s/,
    advice: "do without its tests",
  });

/** A clock that can be set, and runs on from there. */
export async function openServerClock(faketime: Binary): Promise<ServerClock> {
  const library = await libraryOf(faketime);
  const dir = await mkdtemp(join(tmpdir(), "with-idempotency-clock-"));
  // The server may run as nobody.
  await chmod(dir, 0o755);
  const file = join(dir, "ahead");
  const set = (aheadMs: number) => writeFile(file, `${aheadMs < 0 ? "" : "+"}${aheadMs / 1_000}`);
  await set(0);
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    set,
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** What the program puts before a server's own library: it stands beside it, wherever that was unpacked. */
async function libraryOf({ file }: Binary): Promise<string> {
  const lib = resolve(file, "../../lib");
  const [folder] = (await readdir(lib)).filter(name => name.includes("linux-gnu"));
  return join(lib, folder ?? "", "faketime/libfaketime.so.1");
}
