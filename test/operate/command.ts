import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { Io } from "../../src/operate/command/io.ts";
import { main } from "../../src/operate/command/main.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** What the command has said and ended with. */
export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

export interface Setting extends Partial<Io> {
  /** What a person answers; without it nobody can be asked. */
  answer?: string;
}

/** Runs the command in this process. */
export async function command(args: readonly string[], setting: Setting = {}): Promise<Ended> {
  const { answer, ...rest } = setting;
  const said = { out: "", err: "" };
  const io: Io = {
    cwd: ROOT,
    env: {},
    version: () => "1.2.3",
    isTerminal: false,
    canAsk: answer !== undefined,
    hasColours: false,
    columns: 200,
    async out(words) {
      said.out += words;
    },
    async err(words) {
      said.err += words;
    },
    async ask(question) {
      said.err += question;
      return answer ?? "";
    },
    ...rest,
  };
  return { code: await main(args, io), ...said };
}

/** The lines of JSON that the command wrote. */
export const linesOf = ({ out }: Ended): Record<string, unknown>[] =>
  out
    .split("\n")
    .filter(line => line !== "")
    .map(line => JSON.parse(line));

// What this test runner sets shall not change how the command behaves.
const OWN = /^(VITEST|VITE_|NODE_ENV|NODE_OPTIONS|NODE_V8|FORCE_COLOR|NO_COLOR|CI$|TEST$|MODE$)/;

/** Runs a program as a process of its own. */
export async function run(
  file: string,
  args: readonly string[],
  { cwd = ROOT, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !OWN.test(name));
  const child = spawn(file, args, {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
  const exit = new Promise<number | null>(done => child.once("close", done));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, out, err };
}

// By its place: the folder that the command runs in may have none.
const TSX = import.meta.resolve("tsx");

/** How the command's source is run as a process. */
export const SOURCE: readonly string[] = ["--import", TSX, resolve(ROOT, "src/cli.ts")];
