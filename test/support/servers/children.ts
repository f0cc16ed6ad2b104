import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** The processes that a process started. */
export function childrenOf(pid: number): number[] {
  return (process.platform === "linux" ? fromProc() : fromPs())
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child);
}

/** Whether a process runs; one that nobody has heard the end of does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\tZ/m.test(
      process.platform === "linux" ? readFileSync(`/proc/${pid}/status`, "utf8") : "",
    );
  } catch {
    return false;
  }
}

type Kinship = [pid: number, parent: number];

function fromProc(): Kinship[] {
  return readdirSync("/proc")
    .filter(name => /^\d+$/.test(name))
    .map(name => [Number(name), parentOf(name)]);
}

function parentOf(pid: string): number {
  try {
    // The second field is the name in parentheses, which may hold any others.
    const [, rest = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(/\) (?!.*\) )/s);
    return Number(rest.split(" ")[1]);
  } catch {
    return Number.NaN;
  }
}

function fromPs(): Kinship[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  return lines.map(line => line.trim().split(/\s+/).map(Number) as Kinship);
}
