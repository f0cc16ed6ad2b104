import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Runs one measure in a process of its own, and returns what it reports. */
export function measure<T>(script: string, ...args: string[]): T {
  const argv = ["--import", "tsx", "--expose-gc", at(script), ...args];
  return JSON.parse(execFileSync(process.execPath, argv, { encoding: "utf8", cwd: at("..") })) as T;
}
