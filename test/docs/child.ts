import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";

export const ROOT = resolve(import.meta.dirname, "../..");

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

// What this test runner sets, or the shell that started it, shall not change how another one behaves.
const OWN =
  /^(VITEST|VITE_|JEST_|NODE_TEST|NODE_OPTIONS|NODE_ENV|NODE_V8|FORCE_COLOR|NO_COLOR|TEST$|MODE$|DEV$|PROD$)/;

/** Runs Node.js as a process of its own, and gives back how that ended and all that it said. */
export async function node(
  args: readonly string[],
  {
    cwd = ROOT,
    env = {},
    timeoutMs = 60_000,
  }: { cwd?: string; env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !OWN.test(name));
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", CI: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
  });
  const exit = new Promise<number | null>(done => child.once("close", done));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, stdout, stderr };
}
