import { join, resolve } from "node:path";
import { obtainPackage, Unobtainable } from "../../support/servers/packages.ts";
import type { BinaryRuntime } from "./versions.ts";

export const ROOT = resolve(import.meta.dirname, "../../..");

/** The binary of a runtime for this platform. Rejects with `Unobtainable`. */
export async function obtainBinary({ name, packages, binary }: BinaryRuntime): Promise<string> {
  const spec = packages[`${process.platform}-${process.arch}`];
  if (spec === undefined)
    throw new Unobtainable(`${name} has no package for ${process.platform}-${process.arch}`);
  return join(await obtainPackage(spec), binary);
}
